// @ts-check
/* The models and methods of the service, and the chosen model. */

import { h, refill } from "../core/dom.js";
import { get, Problem } from "../core/http.js";
import { readPreference, writePreference } from "../core/preferences.js";
import { withRetries } from "../core/retry.js";
import { t } from "../core/text.js";

/** @import { MethodList, ModelDetails, ModelLine, ModelList } from "../api.js" */
/** @import { Announce, PageStore } from "../types.js" */
/** @import { SelectionActions } from "./selection.js" */

const INTERVAL = 1500; // milliseconds between two checks of a model that is loading

/**
 * Keep `models`, `methods`, `model` and `details` of a store, and fill a select with the models.
 * @param {PageStore} store
 * @param {HTMLSelectElement} select
 * @param {SelectionActions} selection
 * @param {Announce} announce
 */
export function createModels(store, select, selection, announce) {
  let turn = 0;
  const onWait = () => announce(t("problem.start"), true);

  async function start() {
    /** @type {[ModelList, MethodList]} */
    const [{ models, default: preset }, { methods, measures }] = await Promise.all([
      withRetries(() => get("models"), { onWait }),
      withRetries(() => get("methods"), { onWait }),
    ]);
    store.set({ models, methods, measures });
    const names = models.map(({ name }) => name);
    const first = [readPreference("model", ""), preset, ...names].find((name) => name && names.includes(name));
    if (first) await choose(first);
    else announce(t("model.none"), true);
    watch();
  }

  /** @param {string} name */
  async function choose(name) {
    turn += 1;
    const own = turn;
    writePreference("model", name);
    const changed = name !== store.state.model;
    store.set({ model: name, problem: null });
    try {
      /** @type {ModelDetails} */
      const details = await withRetries(() => get(`models/${encodeURIComponent(name)}`), { onWait });
      if (own !== turn) return; // another model was chosen meanwhile
      if (changed) selection.reset();
      store.set({ details });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (own === turn) store.set({ pending: null, problem });
    }
  }

  /** While models are loading, check again; read the chosen one again when its state has changed. */
  async function watch() {
    const { models, model, details } = store.state;
    if (models.some(({ state }) => state === "loading")) {
      setTimeout(async () => {
        const found = await withRetries(() => get("models"), {});
        store.set({ models: found.models });
        watch();
      }, INTERVAL);
    }
    const now = models.find(({ name }) => name === model);
    if (details && now && details.name === model && details.state !== now.state) await choose(now.name);
  }

  select.addEventListener("change", () => choose(select.value));
  store.on(["models", "model"], ({ models, model }) => {
    refill(
      select,
      models.map((line) => option(line, model)),
    );
    select.disabled = models.length === 0;
  });

  return { start };
}

/** @param {ModelLine} line @param {string | null} chosen */
function option({ name, state }, chosen) {
  const text = state === "ready" ? name : `${name} (${t(`model.state.${state}`)})`;
  return h("option", { value: name, selected: name === chosen }, text);
}
