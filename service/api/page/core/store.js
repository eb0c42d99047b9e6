// @ts-check
/* The state of the page, and the listeners for its changes. */

/** @import { Store } from "../types.js" */

/**
 * @template {object} State
 * @param {State} initial
 * @returns {Store<State>}
 */
export function createStore(initial) {
  const state = { ...initial };
  /** @type {{names: (keyof State)[], listener: (state: State) => void}[]} */
  const listeners = [];

  /** @type {Store<State>["set"]} */
  function set(patch) {
    const names = /** @type {(keyof State)[]} */ (Object.keys(patch));
    const changed = names.filter((name) => !Object.is(state[name], patch[name]));
    Object.assign(state, patch);
    for (const { names: wanted, listener } of listeners) {
      if (changed.some((name) => wanted.includes(name))) listener(state);
    }
  }

  /** @type {Store<State>["update"]} */
  function update(name, patch) {
    const before = /** @type {Record<string, unknown>} */ (state[name]);
    if (Object.entries(patch).every(([key, value]) => Object.is(before[key], value))) return;
    set(/** @type {Partial<State>} */ ({ [name]: { ...before, ...patch } }));
  }

  /** @type {Store<State>["on"]} */
  function on(names, listener) {
    listeners.push({ names, listener });
    listener(state);
  }

  return { state, set, update, on };
}
