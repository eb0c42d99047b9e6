// @ts-check
/* Why the model refused an image: the reasons, and the limits that the image violates. */

import { h } from "../core/dom.js";
import { number, readable, t, textOr } from "../core/text.js";

/** @import { PredictAnswer, Violation } from "../api.js" */

/** Measures that are shares of an area, shown in percent. */
const SHARES = ["coverage", "warm", "overexposed"];

/**
 * What to show of an answer that refuses its image.
 * @param {Pick<PredictAnswer, "reasons" | "violations">} answer
 */
export function refusal({ reasons, violations }) {
  return h(
    "div.grow",
    h("strong", t("refused.title")),
    h("p", reasons.map(reasonText).join(" ")),
    h(
      "ul.violations",
      violations.map((violation) => h("li", violationText(violation))),
    ),
    h("p.quiet", t("refused.note")),
  );
}

/** @param {string} reason */
const reasonText = (reason) => textOr(`refused.${reason}`, t("refused.other", { reason: readable(reason) }));

/**
 * A violated limit: "Corner-to-centre brightness 1.03 (limit 0.4)".
 * @param {Violation} violation
 */
export function violationText({ measure, value, minimum, maximum }) {
  const text = (/** @type {number | null} */ figure) => {
    if (figure === null) return "";
    return SHARES.includes(measure) ? t("unit.percent", { value: number(100 * figure) }) : number(figure);
  };
  const what = textOr(`measure.${measure}`, readable(measure));
  const values = { what, value: text(value), minimum: text(minimum), maximum: text(maximum) };
  if (minimum === null) return t("violation.maximum", values);
  return t(maximum === null ? "violation.minimum" : "violation.range", values);
}
