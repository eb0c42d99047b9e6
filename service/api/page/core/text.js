// @ts-check
/* Texts and numbers in the language of strings.js. */

import { LANGUAGE, STRINGS } from "./strings.js";

/** @typedef {Record<string, unknown>} Values */

/** @type {Record<string, Record<string, string> | undefined>} */
const GROUPS = STRINGS;

/** @param {string} key @returns {string | undefined} */
function lookUp(key) {
  const dot = key.indexOf(".");
  const group = GROUPS[key.slice(0, dot)] ?? {};
  const name = key.slice(dot + 1);
  return Object.hasOwn(group, name) ? group[name] : undefined;
}

/**
 * The text of a key, with its {names} replaced by values. A key without a text shows itself, so that a gap is seen.
 * @param {string} key
 * @param {object} [values]
 */
export function t(key, values = {}) {
  const given = /** @type {Values} */ (values);
  return (lookUp(key) ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in given ? String(given[name]) : whole));
}

/** @param {string} key */
const hasText = (key) => lookUp(key) !== undefined;

/**
 * The text of a key, or the fallback where it has none.
 * @param {string} key
 * @param {string} fallback
 */
export const textOr = (key, fallback) => (hasText(key) ? t(key) : fallback);

/**
 * What went wrong, in a sentence.
 * @param {{slug: string}} problem
 */
export const problemText = ({ slug }) => textOr(`problem.${slug}`, t("problem.other"));

/**
 * A name that a program wrote, for people: blanks instead of underscores.
 * @param {string} name
 */
export const readable = (name) => name.replaceAll("_", " ");

const tenths = new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const numbers = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 3 });
const integers = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });

/**
 * A probability as a percentage with one decimal. It never rounds to 0 or 100 % what is neither.
 * @param {number} share
 */
export function percent(share) {
  const inPercent = (/** @type {number} */ value) => t("unit.percent", { value: tenths.format(100 * value) });
  if (share > 0 && share < 0.001) return `<\u00a0${inPercent(0.001)}`;
  if (share < 1 && share > 0.999) return `>\u00a0${inPercent(0.999)}`;
  return inPercent(share);
}

/**
 * A share in whole percent.
 * @param {number} share
 */
export const wholePercent = (share) => t("unit.percent", { value: integers.format(100 * share) });

/**
 * A raw value with three significant digits.
 * @param {number} value
 */
export const number = (value) => numbers.format(value);

/**
 * A count, or a position in pixels.
 * @param {number} value
 */
export const integer = (value) => integers.format(value);

/**
 * A time given in milliseconds, in seconds from one second on.
 * @param {number} ms
 */
export const duration = (ms) =>
  ms < 1000 ? t("unit.milliseconds", { value: number(ms) }) : t("unit.seconds", { value: number(ms / 1000) });

/**
 * Fill every element that names its text: data-text its content, data-label its name, data-title its tooltip.
 * @param {ParentNode} root
 */
export function fillTexts(root) {
  document.documentElement.lang = LANGUAGE;
  const all = (/** @type {string} */ name) =>
    /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(`[data-${name}]`));
  for (const element of all("text")) element.textContent = t(element.dataset.text ?? "");
  for (const element of all("label")) element.setAttribute("aria-label", t(element.dataset.label ?? ""));
  for (const element of all("title")) element.title = t(element.dataset.title ?? "");
}
