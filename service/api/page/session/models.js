// @ts-check
/* The models and methods of the service, and the chosen model. */

import { h, refill } from "../core/dom.js";
import { get, Problem } from "../core/http.js";
import { readPreference, writePreference } from "../core/preferences.js";
import { withRetries } from "../core/retry.js";
import { t } from "../core/text.js";

/** @import { MethodList, ModelDetails, ModelLine, ModelList } from "../api.js" */
/** @import { Announce, Link, PageStore } from "../types.js" */
/** @import { SelectionActions } from "./selection.js" */

const INTERVAL = 1500; // milliseconds between two checks of a model that is loading

/** States of models that can be chosen. A model that is loading answers soon. */
const SELECTABLE = ["ready", "loading"];

/** States of models that cannot be chosen, in the order of their groups in the menu. */
const UNAVAILABLE = /** @type {const} */ (["missing", "failed"]);

/** @param {Pick<ModelLine, "state">} line */
export const isSelectable = ({ state }) => SELECTABLE.includes(state);

/**
 * Keep `models`, `methods`, `model` and `details` of a store, and fill a select with the models.
 * @param {PageStore} store
 * @param {HTMLSelectElement} select
 * @param {SelectionActions} selection
 * @param {Announce} announce
 */
export function createModels(store, select, selection, announce) {
  const { state } = store;
  let turn = 0;
  /** @type {Link | null} */
  let awaited = null; // the link to a model that is loading
  const onWait = () => announce(t("problem.start"), true);

  /**
   * Read the lists, and choose the first model.
   * @param {Link | null} link
   */
  async function start(link) {
    /** @type {[ModelList, MethodList]} */
    const [{ models, default: preset }, { methods, measures }] = await Promise.all([
      withRetries(() => get("models"), { onWait }),
      withRetries(() => get("methods"), { onWait }),
    ]);
    store.set({ models, methods, measures });
    const names = models.filter(isSelectable).map(({ name }) => name);
    const usual = [readPreference("model", ""), preset, ...names].find((name) => name && names.includes(name));
    if (link && names.includes(link.model ?? "")) await open(link);
    else if (usual) {
      await choose(usual);
      if (link) reportMissing([link.model ?? ""]);
    } else announce(t(models.length ? "model.unavailable" : "model.none"), true);
    watch();
  }

  /**
   * Choose a model. A link brings what to show of it.
   * @param {string} name
   * @param {Link | null} [link]
   */
  async function choose(name, link = null) {
    turn += 1;
    const own = turn;
    awaited = null;
    store.set({ model: name, problem: null });
    try {
      /** @type {ModelDetails} */
      const details = await withRetries(() => get(`models/${encodeURIComponent(name)}`), { onWait });
      if (own === turn) adopt(details, link); // otherwise another model was chosen meanwhile
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (own === turn) store.set({ pending: null, problem });
    }
  }

  /** @param {ModelDetails} details @param {Link | null} link */
  function adopt(details, link) {
    awaited = details.state === "loading" ? link : null;
    reportMissing(selection.adopt(details, awaited ? null : link));
  }

  /**
   * Show what a link names.
   * @param {Link} link
   */
  async function open(link) {
    const line = state.models.find(({ name }) => name === link.model);
    const { details } = state;
    if (!line || !isSelectable(line)) return reportMissing([link.model ?? ""]);
    if (details?.name !== line.name || state.model !== line.name) return choose(line.name, link);
    return adopt(details, link);
  }

  /** @param {string[]} names of a link */
  function reportMissing(names) {
    if (names.length) announce(t("link.missing", { names: names.join(", ") }), true);
  }

  /** While models are loading, check again; read the chosen one again when its state has changed. */
  async function watch() {
    const { models, model, details } = state;
    if (models.some((line) => line.state === "loading")) {
      setTimeout(async () => {
        const found = await withRetries(() => get("models"), {});
        store.set({ models: found.models });
        watch();
      }, INTERVAL);
    }
    const now = models.find(({ name }) => name === model);
    if (details && now && details.name === model && details.state !== now.state) await choose(now.name, awaited);
  }

  select.addEventListener("change", () => {
    writePreference("model", select.value);
    choose(select.value);
  });
  store.on(["models", "model"], ({ models, model }) => {
    refill(select, optionsOf(models, model));
    select.disabled = models.length === 0;
  });

  return { start, open };
}

/**
 * The models to choose from; then, in groups, those that cannot be chosen, each with the reason.
 * @param {ModelLine[]} models
 * @param {string | null} chosen
 */
function optionsOf(models, chosen) {
  const groups = UNAVAILABLE.map((state) => {
    const lines = models.filter((line) => line.state === state);
    const label = t(`model.group.${state}`);
    return (
      lines.length > 0 &&
      h(
        "optgroup",
        { label, disabled: true },
        lines.map((line) => option(line, chosen)),
      )
    );
  });
  return [...models.filter(isSelectable).map((line) => option(line, chosen)), ...groups];
}

/** @param {ModelLine} line @param {string | null} chosen */
function option({ name, state, problem }, chosen) {
  const properties = { value: name, selected: name === chosen, title: problem };
  return h("option", properties, state === "loading" ? t("model.loading.option", { model: name }) : name);
}
