/* Which models and methods the service has, and the one that is chosen. */

import { h, refill } from "./dom.js";
import { persistently } from "./patience.js";
import { read, write } from "./preferences.js";
import { get, Problem } from "./wire.js";
import { t } from "./words.js";

const AGAIN = 1500; // milliseconds until a model that is loading is looked at again

/** Keep `models`, `methods`, `model` and `details` of a store, and fill a select with the models. */
export function createCatalogue(store, select, picking, say) {
  let wanted = 0;
  const onWait = () => say(t("problem.start"), true);

  async function start() {
    const [{ models, default: preset }, { methods, measures }] = await Promise.all([
      persistently(() => get("models"), { onWait }),
      persistently(() => get("methods"), { onWait }),
    ]);
    store.set({ models, methods, measures });
    const names = models.map(({ name }) => name);
    const last = read("model", null);
    const first = [last, preset, ...names].find((name) => names.includes(name));
    if (first) await choose(first);
    else say(t("model.none"), true);
    watch();
  }

  async function choose(name) {
    const turn = (wanted += 1);
    write("model", name);
    const changed = name !== store.state.model;
    store.set({ model: name, problem: null });
    const details = await persistently(() => get(`models/${encodeURIComponent(name)}`), { onWait }).catch((problem) => {
      if (!(problem instanceof Problem)) throw problem;
      if (turn === wanted) store.set({ asking: null, problem });
      return null;
    });
    if (turn !== wanted || !details) return;
    if (changed) picking.suit(details);
    store.set({ details });
  }

  /** While models are loading, look again; the chosen one is described anew once its state has changed. */
  async function watch() {
    const { models, model, details } = store.state;
    if (models.some(({ state }) => state === "loading")) {
      setTimeout(async () => {
        const found = await persistently(() => get("models"), {});
        store.set({ models: found.models });
        watch();
      }, AGAIN);
    }
    const now = models.find(({ name }) => name === model);
    if (details && now && details.name === model && details.state !== now.state) await choose(model);
  }

  select.addEventListener("change", () => choose(select.value));
  store.on(["models", "model"], ({ models, model }) => {
    refill(select, models.map((line) => option(line, model)));
    select.disabled = models.length === 0;
  });

  return { start, choose };
}

function option({ name, state }, chosen) {
  const text = state === "ready" ? name : `${name} (${t(`model.state.${state}`)})`;
  return h("option", { value: name, selected: name === chosen }, text);
}
