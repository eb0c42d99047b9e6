// @ts-check
/* The line above the views: the model's answer, always; and what is drawn, where that is not the answer. */

import { h, refill } from "../core/dom.js";
import { percent, readable, t } from "../core/text.js";

/** @import { ModelDetails, PredictAnswer } from "../api.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { Answer, PageStore } from "../types.js" */

/** @param {PageStore} store @param {HTMLElement} element @param {SelectionActions} selection */
export function createTitle(store, element, selection) {
  store.on(["answer", "current", "details", "selection"], (state) => {
    const { answer, current, details } = state;
    const shown = answer?.status === "ok" && answer.item === current ? answer : null;
    element.hidden = !shown;
    if (!shown) return;
    const drawn = drawnText(shown);
    const { targets, versus } = state.selection;
    const chosen = targets.length > 0 || versus.length > 0;
    const back = h("button.link", { key: "back", onclick: selection.showAnswer }, t("title.back"));
    refill(element, h("strong", answerText(shown, details)), drawn && h("span", drawn), drawn && chosen && back);
  });
}

/**
 * The class that the model predicts, with its probability; and the class by the operating point, where it is another.
 * @param {Pick<PredictAnswer, "predictions">} answer
 * @param {Pick<ModelDetails, "operating_point" | "labels"> | null} details
 */
export function answerText({ predictions }, details) {
  const [{ index, label, probability }] = predictions;
  const text = t("title.answer", { label: readable(label), probability: percent(probability) });
  const decided = decision({ predictions }, details);
  if (decided === null || decided.index === index) return text;
  const { point } = decided;
  return `${text} ${t("title.operating", { label: readable(decided.label), point: percent(point) })}`;
}

/**
 * The class of two by the model's own threshold for the second; null where it has none.
 * @param {Pick<PredictAnswer, "predictions">} answer
 * @param {Pick<ModelDetails, "operating_point" | "labels"> | null} details
 */
export function decision({ predictions }, details) {
  const point = details?.operating_point ?? null;
  const second = predictions.find(({ index }) => index === 1);
  if (point === null || details?.labels.length !== 2 || !second) return null;
  const index = second.probability >= point ? 1 : 0;
  return { index, label: details.labels[index], point };
}

/**
 * What the heatmaps are for, where that is not the predicted class alone; otherwise an empty text.
 * @param {Pick<Answer, "predictions" | "explanations">} answer
 */
export function drawnText({ predictions, explanations }) {
  const [predicted] = predictions;
  const [first] = explanations;
  if (!first) return "";
  const targets = first.maps.map(({ target }) => target);
  const { versus } = first.parameters;
  const [{ index, label, probability }] = targets;
  if (versus?.length) {
    const others = versus.map(readable).join(", ");
    return t("title.versus", { label: readable(label), others });
  }
  if (targets.length > 1) return t("title.several", { count: targets.length });
  if (index === predicted.index) return "";
  return t("title.other", { label: readable(label), probability: percent(probability) });
}
