/* The classes, the likeliest first: bars, and which of them is explained. */

import { h, icon, refill } from "./dom.js";
import { targetsOf } from "./picking.js";
import { tip } from "./tips.js";
import { number, percent, readable, t } from "./words.js";

const MANY = 10; // labels from which on there is a field to find one

export function createClasses(store, element, picking) {
  const list = h("ul.classes");
  const head = h("div.section-head");
  const note = h("p.hint");
  const finder = h("div.finder");
  const operating = h("p.hint.operating");
  element.append(head, note, list, operating, finder);

  function draw(state) {
    refill(head, h("h2", t("classes.title"), tip("classes.tip")), ratherButton(state, picking));
    refill(list, rowsOf(state).map((row) => rowElement(row, state, picking)));
    list.classList.toggle("stale", state.asking !== null && state.answer !== null);
    note.replaceChildren(...noteOf(state, picking));
    note.hidden = !note.hasChildNodes();
    refill(operating, operatingPoint(state));
    operating.hidden = !operating.hasChildNodes();
  }

  store.on(["answer", "asking", "picked", "rather", "details"], draw);
  store.on(["details"], ({ details }) => refill(finder, details?.labels.length > MANY ? find(details.labels, picking) : []));
}

function ratherButton({ rather, answer }, picking) {
  const several = (answer?.predictions.length ?? 0) > 1;
  return h(
    "button.ghost",
    { "aria-pressed": String(rather), disabled: !several && !rather, title: t("classes.rather.title"), key: "rather", onclick: picking.toggleRather },
    t("classes.rather"),
  );
}

/** The answer's classes, and after them those explained that are not among its likeliest. */
function rowsOf({ answer }) {
  if (!answer || answer.status !== "ok") return [];
  const known = new Set(answer.predictions.map(({ index }) => index));
  const extra = answer.explanations.flatMap(({ maps }) => maps.map(({ target }) => target));
  const added = extra.filter(({ index }) => !known.has(index) && known.add(index));
  return [...answer.predictions, ...added];
}

function rowElement({ index, label, probability, logit }, state, picking) {
  const shown = targetsOf(state);
  const readableLabel = readable(label);
  const explained = shown.includes(index);
  const title = logit === undefined ? "" : t("classes.row.title", { label: readableLabel, probability: percent(probability), logit: number(logit) });
  const bar = h("span.bar", { "aria-hidden": "true" });
  bar.style.setProperty("--share", probability);
  const button = h(
    "button.class",
    { "aria-pressed": String(explained), title, key: `class ${index}`, onclick: () => picking.clickClass(index) },
    h("span.class-name", readableLabel),
    h("span.class-share", percent(probability)),
    bar,
  );
  return h("li", { class: explained ? "chosen" : "" }, markOf(index, readableLabel, state, explained, picking), button);
}

/** A checkbox; or, where one class is contrasted with another, which of the two it is. */
function markOf(index, label, { rather, picked }, explained, picking) {
  if (rather) {
    const side = picked.versus.includes(index) ? "that" : explained ? "this" : "";
    return h("span", { class: `side ${side}` }, side && t(`classes.${side}`));
  }
  const name = t("classes.check", { label });
  return h("input", { type: "checkbox", checked: explained, "aria-label": name, title: name, key: `check ${index}`, onchange: () => picking.toggleClass(index) });
}

function noteOf(state, picking) {
  const { answer, rather, picked, details, asking, problem } = state;
  if (!answer) return asking || problem ? [] : [t("classes.none")];
  if (answer.status !== "ok") return [];
  if (!rather) return picked.targets.length ? [follow(picking)] : [];
  const label = (index) => readable(details?.labels[index] ?? String(index));
  const [current] = targetsOf(state);
  const [that] = picked.versus;
  if (that === undefined) return [t(current === undefined ? "classes.rather.first" : "classes.rather.second")];
  return [t("classes.rather.both", { this: label(current), that: label(that) }), " ", swapButton(picking)];
}

const follow = (picking) =>
  h("button.link", { key: "follow", onclick: () => picking.explain(null) }, t("classes.likeliest"));

const swapButton = (picking) =>
  h("button.link", { key: "swap", onclick: picking.swap }, icon("swap"), t("classes.rather.swap"));

/** What the model's own threshold makes of the second of two classes. */
function operatingPoint({ answer, details }) {
  const point = details?.operating_point;
  if (point === null || point === undefined || details.labels.length !== 2 || answer?.status !== "ok") return [];
  const second = answer.predictions.find(({ index }) => index === 1);
  if (!second) return [];
  const label = readable(details.labels[second.probability >= point ? 1 : 0]);
  const about = tip("classes.operating.tip", { label: readable(details.labels[1]) });
  return [t("classes.operating", { point: percent(point), label }), " ", about];
}

function find(labels, picking) {
  const options = h("datalist", { id: "labels" }, labels.map((label) => h("option", { value: label })));
  const field = h("input", { type: "search", list: "labels", placeholder: t("classes.find.hint"), "aria-label": t("classes.find"), key: "find" });
  field.addEventListener("change", () => {
    const index = labels.indexOf(field.value);
    if (index < 0) return;
    picking.clickClass(index);
    field.value = "";
  });
  return [field, options];
}
