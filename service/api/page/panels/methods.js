// @ts-check
/* The methods: which are shown, how slow they are, and why one does not apply. */

import { h, refill, withCode } from "../core/dom.js";
import { factList } from "../core/facts.js";
import { integer, t } from "../core/text.js";
import { tooltip } from "../core/tooltip.js";
import { methodChoices } from "../session/selection.js";

/** @import { Method } from "../api.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { MethodChoice, PageStore } from "../types.js" */

/** @param {PageStore} store @param {HTMLElement} element @param {SelectionActions} selection */
export function createMethods(store, element, selection) {
  const head = h("div.section-head");
  const list = h("ul.methods");
  const pixels = h("ul.methods");
  const fold = h("details", h("summary", t("methods.pixels")), h("p.hint", t("methods.pixels.tip")), pixels);
  const about = h("div.about");
  element.append(head, list, fold, about);

  store.on(["methods", "details", "selection"], (state) => {
    const all = methodChoices(state);
    const { methods: chosen } = state.selection;
    const title = t("methods.title");
    refill(head, h("h2", title, tooltip(title, t("methods.tip"))), allButton(chosen, selection));
    const rows = (/** @type {MethodChoice[]} */ methods) => methods.map((one) => rowOf(one, chosen, selection));
    refill(list, rows(all.filter((method) => !isPixelLevel(method))));
    refill(pixels, rows(all.filter(isPixelLevel)));
    fold.hidden = !pixels.hasChildNodes();
    fold.open ||= all.some((method) => isPixelLevel(method) && chosen.includes(method.name));
    refill(about, aboutOf(all.find(({ name }) => name === chosen[0])));
  });
}

/** @param {Pick<Method, "reads">} method */
const isPixelLevel = ({ reads }) => reads === "pixels";

/** @param {Pick<Method, "forwards">} method */
const forwardsText = ({ forwards }) =>
  typeof forwards === "number" ? integer(forwards) : t("methods.forwards.each", { unit: forwards });

/** @param {string[]} chosen @param {SelectionActions} selection */
function allButton(chosen, { toggleAllMethods }) {
  const properties = { "aria-pressed": String(chosen.length > 1), title: t("methods.all.title"), key: "all" };
  return h("button.ghost", { ...properties, onclick: toggleAllMethods }, t("methods.all"));
}

/** @param {MethodChoice} method @param {string[]} chosen @param {SelectionActions} selection */
function rowOf(method, chosen, { toggleMethod, setMethod }) {
  const { name, title, summary, applies, reason } = method;
  const on = chosen.includes(name);
  const check = { type: "checkbox", checked: on, disabled: !applies, key: `check ${name}` };
  const button = { disabled: !applies, "aria-pressed": String(on), key: `method ${name}` };
  const slowTitle = t("methods.slow.title", { forwards: forwardsText(method) });
  const slow = method.slow && h("span.slow", { title: slowTitle }, t("methods.slow"));
  const onchange = () => toggleMethod(name);
  return h(
    "li",
    { class: on ? "chosen" : "", title: applies ? summary : `${t("methods.unavailable")}: ${reason}` },
    h("label.check", h("input", { ...check, "aria-label": t("methods.check", { method: title }), onchange })),
    h("button.method", { ...button, onclick: () => setMethod(name) }, title, slow),
  );
}

/**
 * A method in a few lines.
 * @param {Method | undefined} method
 */
function aboutOf(method) {
  if (!method) return null;
  const facts = factList([
    ["methods.formula", method.formula],
    ["methods.paper", method.paper],
    ["methods.forwards", forwardsText(method)],
  ]);
  return h("details", h("summary", h("strong", method.title), " – ", ...withCode(method.summary)), facts);
}
