// @ts-check
/* A small "i" that explains a term, for mouse, finger, keyboard and screen reader alike. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./text.js";

let count = 0;

/**
 * A button, named after the term, that shows an explanation.
 * @param {string} term
 * @param {string} explanation
 */
export function tooltip(term, explanation) {
  count += 1;
  const bubble = h("span.bubble", { id: `tooltip-${count}`, popover: "auto", role: "note" }, explanation);
  const name = t("tooltip.label", { term });
  const button = h("button.info", { "aria-label": name, "aria-describedby": bubble.id }, icon("info"));
  button.popoverTargetElement = bubble;
  bubble.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") place(bubble, button);
  });
  return h("span.tooltip", button, bubble);
}

/** @param {HTMLElement} bubble @param {HTMLElement} button */
function place(bubble, button) {
  const at = button.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left - 16), innerWidth - bubble.offsetWidth - 8);
  const below = at.bottom + 6;
  const top = below + bubble.offsetHeight > innerHeight - 8 ? at.top - bubble.offsetHeight - 6 : below;
  Object.assign(bubble.style, { left: `${left}px`, top: `${top}px` });
}
