/* Lists of names and values, and numbers in tables. */

import { h } from "./dom.js";
import { number, t } from "./words.js";

/** A description list from [key of strings.js, content] pairs; a pair without content is left out. */
export function factList(pairs) {
  const told = pairs.filter(([, content]) => content !== null && content !== undefined && content !== "");
  return h("dl.facts", told.flatMap(([key, content]) => [h("dt", t(key)), h("dd", content)]));
}

export const digest = (text) => text && h("code.digest", text);

/** A value as a model's card gives it: numbers shortened, text as it is. */
export const cardValue = (value) => (typeof value === "number" ? number(value) : value);

/** A name that a program wrote, for people. */
export const spaced = (name) => name.replaceAll("_", " ");
