// @ts-check
/* The collections that an image can be compared with, and the chosen one. */

import { h, refill, withCode } from "../core/dom.js";
import { select } from "../core/fields.js";
import { get } from "../core/http.js";
import { readPreference, writePreference } from "../core/preferences.js";
import { integer, t } from "../core/text.js";
import { createRequest } from "./request.js";

/** @import { Collection } from "../api.js" */
/** @import { PageStore } from "../types.js" */

const PANELS = ["panel-similar", "panel-projection"];

/**
 * Why a collection cannot be compared with images of a model: a key of strings.js, or null where it can.
 * @param {Pick<Collection, "model" | "stale" | "count">} collection
 * @param {string | null} chosen the model
 */
export function obstacle({ model, stale, count }, chosen) {
  if (model !== chosen) return "collection.other";
  if (stale) return "collection.stale";
  return count ? null : "collection.empty";
}

/**
 * Keep `collections` and `collection` of a store, and let the reader choose.
 * @param {PageStore} store
 * @param {HTMLElement} element
 */
export function createCollections(store, element) {
  const chooser = h("div");
  const status = h("div");
  const request = createRequest(status);
  element.append(chooser, status);

  const suitable = () => (store.state.collections ?? []).filter((one) => !obstacle(one, store.state.model));

  /** @param {string} name */
  function choose(name) {
    const found = suitable();
    const collection = found.find((one) => one.name === name) ?? found[0] ?? null;
    const { collection: before } = store.state;
    store.set({ collection: JSON.stringify(collection) === JSON.stringify(before) ? before : collection });
  }

  store.on(["panel", "model"], ({ panel }) => {
    element.hidden = !PANELS.includes(panel ?? "");
    if (element.hidden) return;
    request.send(
      (signal) => get("collections", signal),
      ({ collections }) => store.set({ collections }),
    );
  });
  store.on(["collections", "model"], () => choose(readPreference("collection", "")));
  store.on(["collections", "collection", "model"], ({ collections, collection, model }) => {
    const obstacles = (collections ?? []).flatMap((one) => {
      const key = obstacle(one, model);
      return key ? [h("li", withCode(t(key, one)))] : [];
    });
    const list = h("ul.hint.reasons", obstacles);
    const field = collection ? selectOf(suitable(), collection.name) : noneFits(model, collections?.length ?? 0);
    const folded = collection && obstacles.length > 0;
    const others = folded ? h("details", h("summary", t("collection.others")), list) : list;
    refill(chooser, ...(collections ? [field, others] : []));
  });

  /** @param {Collection[]} collections @param {string} chosen */
  function selectOf(collections, chosen) {
    const counts = new Map(collections.map(({ name, count }) => [name, integer(count)]));
    const text = (/** @type {string} */ name) => t("collection.option", { name, count: counts.get(name) });
    const field = select("collection", [...counts.keys()], chosen, text, onChoose);
    return h("div.row", h("label", { htmlFor: "collection" }, t("collection.label")), field);
  }

  /** @param {string} name */
  function onChoose(name) {
    writePreference("collection", name);
    choose(name);
  }
}

/** @param {string | null} model @param {number} count of all collections */
const noneFits = (model, count) => [
  h("p", t(count ? "collection.none" : "collection.nothing", { model })),
  h("p.hint", withCode(t("collection.how", { model }))),
];
