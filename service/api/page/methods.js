/* The methods: which are shown, what they cost, and why one does not apply. */

import { coded, h, refill } from "./dom.js";
import { factList } from "./facts.js";
import { applicable, isSlow } from "./picking.js";
import { tip } from "./tips.js";
import { t } from "./words.js";

export function createMethods(store, element, picking) {
  const head = h("div.section-head");
  const list = h("ul.methods");
  const pixels = h("ul.methods");
  const fold = h("details", h("summary", t("methods.pixels")), h("p.hint", t("methods.pixels.tip")), pixels);
  const about = h("div.about");
  element.append(head, list, fold, about);

  store.on(["methods", "details", "picked"], (state) => {
    const all = applicable(state);
    const { methods: chosen } = state.picked;
    refill(head, h("h2", t("methods.title"), tip("methods.tip")), allButton(state, picking));
    const rows = (methods) => methods.map((method) => rowOf(method, chosen, picking));
    refill(list, rows(all.filter((method) => !inPixels(method))));
    refill(pixels, rows(all.filter(inPixels)));
    fold.hidden = !pixels.hasChildNodes();
    fold.open ||= all.some((method) => inPixels(method) && chosen.includes(method.name));
    refill(about, aboutOf(all.find(({ name }) => name === chosen[0])));
  });
}

const inPixels = ({ reads }) => reads === "pixels";

function allButton({ picked }, picking) {
  const many = picked.methods.length > 1;
  return h("button.ghost", { "aria-pressed": String(many), title: t("methods.all.title"), key: "all", onclick: picking.toggleAll }, t("methods.all"));
}

function rowOf(method, chosen, picking) {
  const { name, title, summary, applies, reason, forwards } = method;
  const on = chosen.includes(name);
  const check = t("methods.check", { method: title });
  const slow = isSlow(method) && h("span.slow", { title: t("methods.slow.title", { forwards }) }, t("methods.slow"));
  return h(
    "li",
    { class: on ? "chosen" : "", title: applies ? summary : `${t("methods.unavailable")}: ${reason}` },
    h("input", { type: "checkbox", checked: on, disabled: !applies, "aria-label": check, key: `check ${name}`, onchange: () => picking.toggleMethod(name) }),
    h("button.method", { disabled: !applies, "aria-pressed": String(on), key: `method ${name}`, onclick: () => picking.only(name) }, title, slow),
  );
}

/** The first of the chosen methods in a few lines. */
function aboutOf(method) {
  if (!method) return [];
  const facts = [["methods.formula", method.formula], ["methods.paper", method.paper], ["methods.forwards", method.forwards]];
  return [
    h("details", h("summary", h("strong", method.title), " – ", coded(method.summary)), factList(facts)),
  ];
}
