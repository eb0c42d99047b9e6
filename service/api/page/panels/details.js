// @ts-check
/* Facts about the answer: the image, the model and its engine, the times, and how to repeat the request. */

import { h, refill } from "../core/dom.js";
import { digest, factList } from "../core/facts.js";
import { button } from "../core/fields.js";
import { duration, integer, number, t } from "../core/text.js";
import { curl } from "../session/query.js";
import { coversImage, withinImage } from "../stage/paint.js";

/** @import { Box, Explanation } from "../api.js" */
/** @import { Answer, PageStore, Size } from "../types.js" */

/** @typedef {(field: HTMLTextAreaElement) => void} Copy */

/**
 * Draw the facts of a store's answer into an element.
 * @param {PageStore} store
 * @param {HTMLElement} element
 * @param {Copy} copy copies the curl command that a field shows
 */
export function createDetails(store, element, copy) {
  store.on(["answer", "current"], ({ answer, current }) => {
    const shown = answer && answer.item === current ? answer : null;
    refill(element, ...(shown ? sections(shown, copy) : [h("p.hint", t("details.none"))]));
  });
}

/** @param {Answer} answer @param {Copy} copy */
function sections(answer, copy) {
  return [
    h("h2", t("details.answer")),
    answerFacts(answer),
    h("h2", t("details.image")),
    imageFacts(answer),
    h("h2", t("details.repeat")),
    repeatOf(answer, copy),
  ];
}

/** @param {Answer} answer */
function answerFacts(answer) {
  const { model, explanations } = answer;
  const [first] = explanations;
  return factList([
    ["details.status", answer.status],
    ["details.model", `${model.name} ${model.version}`],
    ["card.weights", digest(model.weights_sha256)],
    ["details.layer", first?.layer],
    ["details.parameters", parametersText(explanations)],
    ["details.maximum", first && rangesOf(explanations)],
    ["details.normalisation", first?.normalisation],
    ["details.engine", t("details.engine.value", answer.engine)],
    ["details.time", timesOf(answer)],
    ["details.request", digest(answer.request_id)],
  ]);
}

/** @param {Answer} answer */
function imageFacts({ item, image, explanations }) {
  const region = explanations[0]?.maps[0].region;
  return factList([
    ["details.name", item.name],
    ["details.size", t("details.size.value", image)],
    ["details.format", image.format],
    ["details.region", region && regionText(region, image)],
    ["details.notes", image.notes.join("; ")],
    ["details.sha", digest(image.sha256)],
  ]);
}

/** @param {Explanation[]} explanations */
function parametersText(explanations) {
  const texts = explanations.flatMap(({ method, parameters }) =>
    Object.entries(parameters).map(([name, value]) => `${method} ${name} = ${[value].flat().join(", ")}`),
  );
  return texts.join("; ");
}

/** @param {Explanation[]} explanations */
function rangesOf(explanations) {
  const lines = explanations.flatMap(({ method, maps }) =>
    maps.map(({ target, minimum, maximum }) =>
      h("li", `${method}, ${target.label}: ${number(minimum)} … ${number(maximum)}`),
    ),
  );
  return h("ul", lines);
}

/** @param {Box} region @param {Size} image */
function regionText(region, image) {
  if (coversImage(region, image)) return t("details.region.all");
  const [left, top, right, bottom] = withinImage(region, image).map(integer);
  return t("details.region.value", { left, top, right, bottom });
}

/** @param {Pick<Answer, "timing_ms" | "seconds">} answer */
function timesOf({ timing_ms: timing, seconds }) {
  const steps = ["decode", "forward", "explain", "total"].filter((name) => name in timing);
  const line = (/** @type {string} */ name, /** @type {number} */ ms) =>
    h("li", h("span", t(`details.time.${name}`)), h("span", duration(ms)));
  return h("ul.times", [...steps.map((name) => line(name, timing[name])), line("round", 1000 * seconds)]);
}

/** @param {Answer} answer @param {Copy} copy */
function repeatOf(answer, copy) {
  const value = curl(answer.path, answer.item.name);
  const properties = { readOnly: true, rows: 4, spellcheck: false, "aria-label": t("details.repeat.label"), value };
  const field = h("textarea.command", properties);
  return h(
    "div",
    field,
    button("details.repeat.copy", () => copy(field)),
  );
}
