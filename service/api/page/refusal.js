/* What was refused and why: in plain words, and in the numbers behind them. */

import { h } from "./dom.js";
import { spaced } from "./facts.js";
import { known, number, t } from "./words.js";

/** What to show of an answer that refuses the image that is looked at; nothing of any other. */
export function refusal(answer, current) {
  if (answer?.status !== "refused" || answer.item !== current) return [];
  const reasons = answer.reasons.map((reason) => (known(`refused.${reason}`) ? t(`refused.${reason}`) : t("refused.other", { reason })));
  return [
    h("div.grow",
      h("strong", t("refused.title")),
      h("p", reasons.join(" ")),
      h("ul.crossed", answer.crossed.map((limit) => h("li", sentence(limit)))),
      h("p.quiet", t("refused.note")),
    ),
  ];
}

function sentence({ measure, value, minimum, maximum }) {
  const what = known(`measure.${measure}`) ? t(`measure.${measure}`) : spaced(measure);
  const values = { what, value: number(value), minimum: number(minimum ?? 0), maximum: number(maximum ?? 0) };
  if (minimum === null) return t("crossed.most", values);
  return t(maximum === null ? "crossed.least" : "crossed.between", values);
}
