// @ts-check
/* Settings of the page that this browser stores. Nothing about images or answers is ever stored. */

const PREFIX = "fovea.";

/**
 * A stored preference, or the fallback.
 * @template T
 * @param {string} name
 * @param {T} fallback
 * @returns {T}
 */
export function readPreference(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null") ?? fallback;
  } catch {
    return fallback; // storage is disabled, or holds what another program wrote
  }
}

/** @param {string} name @param {unknown} value */
export function writePreference(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // storage is disabled or full: the preference lasts as long as the page
  }
}
