/* Everything about the answer that is shown: the image, who computed it, how long it took, and how to ask again. */

import { h, refill } from "./dom.js";
import { digest, factList } from "./facts.js";
import { button } from "./fields.js";
import { coversAll } from "./paint.js";
import { curl } from "./question.js";
import { integer, number, t } from "./words.js";

/** Draw the facts of a store's answer into an element. copy: what copies the curl command. */
export function createDetails(store, element, copy) {
  store.on(["answer", "current"], ({ answer, current }) => {
    const mine = answer && answer.item === current ? answer : null;
    refill(element, mine ? sections(mine, copy) : h("p.hint", t("details.none")));
  });
}

function sections(answer, copy) {
  const first = answer.explanations[0];
  return [
    h("h2", t("details.answer")),
    factList([
      ["details.status", answer.status],
      ["details.model", `${answer.model.name} ${answer.model.version}`],
      ["card.weights", digest(answer.model.weights_sha256)],
      ["details.layer", first?.layer],
      ["details.parameters", first && parametersOf(answer.explanations)],
      ["details.maximum", first && rangesOf(answer.explanations)],
      ["details.normalisation", first?.normalisation],
      ["details.engine", t("details.engine.value", answer.engine)],
      ["details.time", timesOf(answer)],
      ["details.request", digest(answer.request_id)],
    ]),
    h("h2", t("details.image")),
    factList([
      ["details.name", answer.item.name],
      ["details.size", t("details.size.value", answer.image)],
      ["details.format", answer.image.format],
      ["details.region", first && regionOf(first.maps[0].region, answer.image)],
      ["details.notes", answer.image.notes.join("; ")],
      ["details.sha", digest(answer.image.sha256)],
    ]),
    h("h2", t("details.repeat")),
    repeatOf(answer, copy),
  ];
}

function parametersOf(explanations) {
  const told = explanations.flatMap(({ method, parameters }) =>
    Object.entries(parameters).map(([name, value]) => `${method} ${name} = ${Array.isArray(value) ? value.join(", ") : value}`),
  );
  return told.join("; ");
}

function rangesOf(explanations) {
  const lines = explanations.flatMap(({ method, maps }) =>
    maps.map(({ target, minimum, maximum }) => h("li", `${method}, ${target.label}: ${number(minimum)} … ${number(maximum)}`)),
  );
  return h("ul", lines);
}

function regionOf(region, image) {
  if (coversAll(region, image)) return t("details.region.all");
  const [left, top, right, bottom] = region.map(integer);
  return t("details.region.value", { left, top, right, bottom });
}

function timesOf({ timing_ms: timing, seconds }) {
  const steps = ["decode", "forward", "explain", "total"].filter((name) => name in timing);
  const lines = [...steps.map((name) => [t(`details.time.${name}`), timing[name]]), [t("details.time.round"), seconds * 1000]];
  return h("ul.times", lines.map(([name, ms]) => h("li", h("span", name), h("span", `${number(ms)} ms`))));
}

function repeatOf(answer, copy) {
  const command = curl(answer.path, answer.item.name);
  const field = h("textarea.command", { readOnly: true, rows: 4, spellcheck: false, "aria-label": t("details.repeat.label"), value: command });
  return h("div", field, button("details.repeat.copy", () => copy(field)));
}
