/* A small "i" that explains a word, for mouse, finger, keyboard and screen reader alike. */

import { h, icon } from "./dom.js";
import { t } from "./words.js";

let count = 0;

/** A button that shows a sentence beside it. key: of strings.js. */
export function tip(key, values) {
  return tipWith(t(key, values));
}

/** The same with a text of its own. */
export function tipWith(text) {
  count += 1;
  const bubble = h("span", { id: `tip-${count}`, class: "bubble", popover: "auto", role: "note" }, text);
  const button = h("button.tip", { "aria-label": t("tip.label"), "aria-describedby": bubble.id }, icon("info"));
  button.popoverTargetElement = bubble;
  bubble.addEventListener("toggle", (event) => event.newState === "open" && place(bubble, button));
  return h("span.tipped", button, bubble);
}

function place(bubble, button) {
  const at = button.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left - 16), innerWidth - bubble.offsetWidth - 8);
  const below = at.bottom + 6;
  const top = below + bubble.offsetHeight > innerHeight - 8 ? at.top - bubble.offsetHeight - 6 : below;
  Object.assign(bubble.style, { left: `${left}px`, top: `${top}px` });
}
