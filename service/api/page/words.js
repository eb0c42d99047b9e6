/* Text and numbers in the reader's language. */

import { LANGUAGE, STRINGS } from "./strings.js";

/** The text of "group.name", where there is one. */
function found(key) {
  const dot = key.indexOf(".");
  return STRINGS[key.slice(0, dot)]?.[key.slice(dot + 1)];
}

/** The text of a key with its {names} filled in. A key without text shows itself, so that a gap is seen. */
export function t(key, values = {}) {
  const text = found(key) ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export const known = (key) => found(key) !== undefined;

/** What went wrong, for people: a Problem of wire.js in a sentence. */
export const plainly = ({ slug }) => t(known(`problem.${slug}`) ? `problem.${slug}` : "problem.other");

/** A class's label for people: what programs write with underscores, with blanks. */
export const readable = (label) => label.replaceAll("_", " ");

const percents = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 1 });
const wholePercents = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 0 });
const numbers = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 3 });
const integers = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });

/** A probability as a percentage that never rounds to a certainty which is none. */
export function percent(share) {
  if (share > 0 && share < 0.001) return `< ${percents.format(0.001)}`;
  if (share < 1 && share > 0.999) return `> ${percents.format(0.999)}`;
  return percents.format(share);
}

export const roughly = (share) => wholePercents.format(share);

/** A raw value, three digits. */
export const number = (value) => numbers.format(value);

/** A count or a position in pixels. */
export const integer = (value) => integers.format(value);

/** Fill every element that names its text: data-t its content, data-t-label its name, data-t-title its tooltip. */
export function fill(root) {
  document.documentElement.lang = LANGUAGE;
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const element of root.querySelectorAll("[data-t-title]")) element.title = t(element.dataset.tTitle);
}
