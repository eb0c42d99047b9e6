// @ts-check
/* Buttons and selects. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./text.js";

/** @import { Properties } from "../types.js" */

/**
 * A button with the text of a key.
 * @param {string} key
 * @param {() => unknown} onclick
 * @param {Properties} [more]
 */
export const button = (key, onclick, more) => h("button.button", { key, onclick, ...more }, t(key));

/**
 * A select. text: of a value. onChoose hears the chosen value.
 * @param {string} id
 * @param {(string | number)[]} values
 * @param {string | number} chosen
 * @param {(value: string) => string} text
 * @param {(value: string) => void} onChoose
 */
export function select(id, values, chosen, text, onChoose) {
  const options = values.map((value) => h("option", { value, selected: value === chosen }, text(String(value))));
  const field = h("select", { id, key: id, onchange: () => onChoose(field.value) }, options);
  return field;
}

/**
 * A button with an icon, named by the text of a key.
 * @param {string} name of the icon
 * @param {string} key
 * @param {() => unknown} onclick
 */
export const iconButton = (name, key, onclick) =>
  h("button.ghost", { title: t(key), "aria-label": t(key), onclick }, icon(name));
