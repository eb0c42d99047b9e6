/* Buttons and choices as they are everywhere. */

import { h } from "./dom.js";
import { t } from "./words.js";

/** A button with the text of a key, whose {names} are filled with values. */
export const button = (key, onclick, more, values) => h("button.button", { key, onclick, ...more }, t(key, values));

/** A select of values, each told by `text`; `taken` hears the one that is chosen. */
export function choice(id, values, chosen, text, taken) {
  const field = h("select", { id, key: id, onchange: () => taken(field.value) }, values.map((value) => h("option", { value, selected: value === chosen }, text(value))));
  return field;
}
