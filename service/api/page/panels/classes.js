// @ts-check
/* The classes, the most probable first: their probabilities, and which of them is explained. */

import { h, refill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { number, percent, readable, t } from "../core/text.js";
import { tooltip } from "../core/tooltip.js";
import { targetsOf } from "../session/selection.js";
import { decision } from "../stage/title.js";

/** @import { Prediction, Target } from "../api.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { Child, PageStore, State } from "../types.js" */

const MANY = 10; // labels from which on there is a field to find one

/** @param {PageStore} store @param {HTMLElement} element @param {SelectionActions} selection */
export function createClasses(store, element, selection) {
  const head = h("div.section-head");
  const note = h("p.hint");
  const list = h("ul.classes");
  const operating = h("p.hint.operating");
  const finder = h("div.finder");
  element.append(head, note, list, operating, finder);

  store.on(["answer", "pending", "selection", "comparing", "details"], (state) => {
    const title = t("classes.title");
    refill(head, h("h2", title, tooltip(title, t("classes.tip"))), compareButton(state, selection));
    refill(
      list,
      rowsOf(state).map((row) => rowElement(row, state, selection)),
    );
    list.classList.toggle("stale", state.pending !== null && state.answer !== null);
    refill(note, noteOf(state, selection));
    note.hidden = !note.hasChildNodes();
    refill(operating, operatingPoint(state));
    operating.hidden = !operating.hasChildNodes();
  });
  store.on(["details"], ({ details }) => {
    const labels = details?.labels ?? [];
    refill(finder, labels.length > MANY ? findField(labels, selection) : []);
  });
}

/** @param {State} state @param {SelectionActions} selection */
function compareButton({ comparing, answer }, { toggleComparison }) {
  const several = (answer?.predictions.length ?? 0) > 1;
  const properties = { "aria-pressed": String(comparing !== null), disabled: !several && !comparing, key: "compare" };
  const title = t("classes.compare.title");
  return h("button.ghost", { ...properties, title, onclick: toggleComparison }, t("classes.compare"));
}

/**
 * The classes of the answer, then those that are explained but not among its most probable ones.
 * @param {Pick<State, "answer">} state
 * @returns {(Target & Partial<Prediction>)[]}
 */
function rowsOf({ answer }) {
  if (answer?.status !== "ok") return [];
  const rows = new Map(answer.explanations.flatMap(({ maps }) => maps.map(({ target }) => [target.index, target])));
  for (const { index } of answer.predictions) rows.delete(index);
  return [...answer.predictions, ...[...rows.values()].sort((one, other) => other.probability - one.probability)];
}

/** @param {Target & Partial<Prediction>} row @param {State} state @param {SelectionActions} selection */
function rowElement({ index, label, probability, logit }, state, selection) {
  const name = readable(label);
  const share = percent(probability);
  const explained = targetsOf(state).includes(index);
  const title =
    logit === undefined ? "" : t("classes.row.title", { label: name, probability: share, logit: number(logit) });
  const bar = h("span.bar", { "aria-hidden": "true" });
  bar.style.setProperty("--share", String(probability));
  const onclick = () => selection.clickClass(index);
  const button = h(
    "button.class",
    { "aria-pressed": String(explained), title, key: `class ${index}`, onclick },
    h("span.class-name", name),
    h("span.class-share", share),
    bar,
  );
  return h("li", { class: explained ? "chosen" : "" }, markOf(index, name, state, explained, selection), button);
}

/**
 * A checkbox; or, while two classes are compared, which of the two this one is.
 * @param {number} index
 * @param {string} label
 * @param {State} state
 * @param {boolean} explained
 * @param {SelectionActions} selection
 */
function markOf(index, label, { comparing, selection: { versus } }, explained, { toggleClass }) {
  if (comparing) {
    const rank = versus.includes(index) ? "second" : explained ? "first" : "";
    return h("span", { class: `rank ${rank}` }, rank && t(`classes.${rank}`));
  }
  const title = t("classes.check", { label });
  const properties = { type: "checkbox", checked: explained, "aria-label": title, title, key: `check ${index}` };
  return h("label.check", h("input", { ...properties, onchange: () => toggleClass(index) }));
}

/**
 * The line above the classes.
 * @param {State} state
 * @param {SelectionActions} actions
 * @returns {Child[]}
 */
function noteOf(state, actions) {
  const { answer, comparing, selection, details, pending, problem } = state;
  if (!answer) return pending || problem ? [] : [t("classes.none")];
  if (answer.status !== "ok") return [];
  if (!comparing) return selection.targets.length ? [likeliestButton(actions)] : [];
  const label = (/** @type {number} */ index) => readable(details?.labels[index] ?? String(index));
  const [first] = targetsOf(state);
  const [second] = selection.versus;
  if (first === undefined) return [t("classes.compare.first")];
  if (second === undefined) return [t("classes.compare.second")];
  const text = t("classes.compare.both", { first: label(first), second: label(second) });
  return [text, " ", swapButton(actions)];
}

/** @param {SelectionActions} selection */
const likeliestButton = ({ explain }) =>
  h("button.link", { key: "likeliest", onclick: () => explain(null) }, t("classes.likeliest"));

/** @param {SelectionActions} selection */
const swapButton = ({ swapClasses }) =>
  h("button.link", { key: "swap", onclick: swapClasses }, icon("swap"), t("classes.compare.swap"));

/**
 * The answer by the model's own threshold for the second of two classes.
 * @param {Pick<State, "answer" | "details">} state
 * @returns {Child[]}
 */
function operatingPoint({ answer, details }) {
  const decided = answer?.status === "ok" ? decision(answer, details) : null;
  if (!decided) return [];
  const [label, second] = [decided.label, details?.labels[1] ?? ""].map(readable);
  const explanation = t("classes.operating.tip", { label: second });
  return [
    t("classes.operating", { point: percent(decided.point), label }),
    " ",
    tooltip(t("classes.operating.term"), explanation),
  ];
}

/** @param {string[]} labels @param {SelectionActions} selection */
function findField(labels, { clickClass }) {
  const options = labels.map((label) => h("option", { value: label }));
  const name = t("classes.find");
  const properties = { type: "search", list: "labels", placeholder: t("classes.find.hint"), "aria-label": name };
  const field = h("input", { ...properties, key: "find" });
  field.addEventListener("change", () => {
    const index = labels.indexOf(field.value);
    if (index < 0) return;
    clickClass(index);
    field.value = "";
  });
  return [field, h("datalist", { id: "labels" }, options)];
}
