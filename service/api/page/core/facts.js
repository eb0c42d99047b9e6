// @ts-check
/* Lists of names and values. */

import { h } from "./dom.js";
import { number, percent, t } from "./text.js";

/** @import { Fact } from "../types.js" */

/**
 * A description list. Facts without content are left out.
 * @param {Fact[]} facts
 */
export function factList(facts) {
  const known = facts.filter(([, content]) => content);
  return h(
    "dl.facts",
    known.flatMap(([key, content]) => [h("dt", t(key)), h("dd", content)]),
  );
}

/** @param {string | null} text */
export const digest = (text) => text && h("code.digest", text);

/** Figures of a model card that are shares, where their value is a number. */
const SHARES = /(^|_)(accuracy|sensitivity|specificity|precision|recall|refused_by_guard)$/;

/**
 * A figure of a model card: a share in percent, another number shortened, text as it is.
 * @param {string} name
 * @param {number | string} value
 */
export function figure(name, value) {
  if (typeof value !== "number") return value;
  return SHARES.test(name) && value >= 0 && value <= 1 ? percent(value) : number(value);
}
