/* Where several images are open: class scores for those nobody has looked at yet, one after the other. */

import { outcomeOf } from "./answering.js";
import { persistently } from "./patience.js";
import { predictPath } from "./question.js";
import { post, Problem } from "./wire.js";

/** Keep `queue` of a store in step with its images and its model. Returns {stop, resume}. */
export function createQueue(store) {
  let control = null;
  let stopped = false; // by the reader, until more images come or the rest is asked for

  function halt() {
    control?.abort();
    control = null;
    report();
  }

  function report() {
    const { items, model } = store.state;
    const done = items.filter((item) => item.outcomes[model]).length;
    store.set({ queue: items.length > 1 ? { done, count: items.length, running: control !== null } : null });
  }

  async function run() {
    const { model, details, asking } = store.state;
    const next = () => store.state.items.find((item) => !item.outcomes[model]);
    if (control || stopped || asking || details?.name !== model || store.state.items.length < 2 || !next()) return;
    const { signal } = (control = new AbortController());
    for (let item = next(); item && !signal.aborted; item = next()) {
      report();
      await predict(item, model, signal);
    }
    if (!signal.aborted) halt();
  }

  async function predict(item, model, signal) {
    try {
      const { text } = await persistently(() => post(predictPath(model), item.blob, { signal }), { signal });
      item.outcomes[model] ??= outcomeOf(JSON.parse(text));
    } catch (problem) {
      if (problem instanceof Problem) item.outcomes[model] = { problem };
      else if (problem.name !== "AbortError") throw problem;
    }
  }

  let asked = { model: null, count: 0 };
  store.on(["items", "model", "details", "answer", "asking"], ({ items, model }) => {
    if (model !== asked.model) halt();
    if (items.length > asked.count) stopped = false;
    asked = { model, count: items.length };
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
