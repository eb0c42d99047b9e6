// @ts-check
/* While several images are open: class scores for those without an answer, one after the other. */

import { Problem, post } from "../core/http.js";
import { withRetries } from "../core/retry.js";
import { outcomeOf } from "./answers.js";
import { predictPath } from "./query.js";

/** @import { OpenImage, PageStore } from "../types.js" */

/** @typedef {ReturnType<typeof createQueue>} QueueActions */

/**
 * Keep `queue` of a store in step with its images and its model.
 * @param {PageStore} store
 */
export function createQueue(store) {
  /** @type {AbortController | null} */
  let control = null;
  let stopped = false; // by the reader, until more images are opened or the queue is resumed

  function halt() {
    control?.abort();
    control = null;
    report();
  }

  const isAnswered = (/** @type {OpenImage} */ { outcomes }) => Boolean(outcomes[store.state.model ?? ""]);

  function report() {
    const { items } = store.state;
    const done = items.filter(isAnswered).length;
    store.set({ queue: items.length > 1 ? { done, count: items.length, running: control !== null } : null });
  }

  async function run() {
    const { model, details, pending } = store.state;
    const next = () => store.state.items.find((item) => !isAnswered(item));
    const isReady = model !== null && details?.name === model && !pending;
    if (control || stopped || !isReady || store.state.items.length < 2 || !next()) return;
    control = new AbortController();
    const { signal } = control;
    for (let item = next(); item && !signal.aborted; item = next()) {
      report();
      await predict(item, model, signal);
    }
    if (!signal.aborted) halt();
  }

  /** @param {OpenImage} item @param {string} model @param {AbortSignal} signal */
  async function predict(item, model, signal) {
    try {
      const { text } = await withRetries(() => post(predictPath(model), item.blob, { signal }), { signal });
      item.outcomes[model] ??= outcomeOf(JSON.parse(text));
    } catch (problem) {
      if (problem instanceof Problem) item.outcomes[model] = { problem };
      else if (!signal.aborted) throw problem;
    }
  }

  /** @type {{model: string | null, count: number}} */
  let last = { model: null, count: 0 };
  store.on(["items", "model", "details", "answer", "pending"], ({ items, model }) => {
    if (model !== last.model) halt();
    if (items.length > last.count) stopped = false;
    last = { model, count: items.length };
    report();
    run();
  });

  return {
    stop() {
      stopped = true;
      halt();
    },
    resume() {
      stopped = false;
      run();
    },
  };
}
