/* Which collections there are to compare an image with, and the one that is chosen. */

import { coded, h, refill } from "./dom.js";
import { choice } from "./fields.js";
import { createInquiry } from "./inquiry.js";
import { read, write } from "./preferences.js";
import { get } from "./wire.js";
import { integer, t } from "./words.js";

const PANELS = ["panel-similar", "panel-atlas"];

/** Why a collection cannot be compared with what a model sees: a key of strings.js, or null where it can. */
function against({ model, stale, count }, chosen) {
  if (model !== chosen) return "collection.other";
  if (stale) return "collection.stale";
  return count ? null : "collection.empty";
}

/** Keep `collections` and `collection` (a line of GET /collections, or null) of a store, and let the reader choose. */
export function createCollections(store, element) {
  const chooser = h("div");
  const status = h("div");
  const inquiry = createInquiry(status);
  element.append(chooser, status);

  const fitting = () => (store.state.collections ?? []).filter((one) => !against(one, store.state.model));

  function choose(name) {
    const found = fitting();
    const collection = found.find((one) => one.name === name) ?? found[0] ?? null;
    const { collection: before } = store.state;
    store.set({ collection: JSON.stringify(collection) === JSON.stringify(before) ? before : collection });
  }

  store.on(["panel", "model"], ({ panel }) => {
    element.hidden = !PANELS.includes(panel);
    if (!element.hidden) inquiry.ask((signal) => get("collections", signal), ({ collections }) => store.set({ collections }));
  });
  store.on(["collections", "model"], () => choose(read("collection", null)));
  store.on(["collections", "collection", "model"], ({ collections, collection, model }) => {
    const others = (collections ?? []).filter((one) => against(one, model));
    const reasons = others.map((one) => h("li", coded(t(against(one, model), one))));
    const list = h("ul.hint.reasons", reasons);
    refill(chooser, collections && (collection ? select(fitting(), collection) : nothing(model, collections.length)), collection && others.length ? h("details", h("summary", t("collection.others")), list) : list);
  });

  function select(lines, { name: chosen }) {
    const counts = new Map(lines.map(({ name, count }) => [name, integer(count)]));
    const text = (name) => t("collection.option", { name, count: counts.get(name) });
    return h("div.row", h("label", { htmlFor: "collection" }, t("collection.label")), choice("collection", [...counts.keys()], chosen, text, taken));
  }

  function taken(name) {
    write("collection", name);
    choose(name);
  }
}

const nothing = (model, count) => [h("p", t(count ? "collection.none" : "collection.nothing", { model })), h("p.hint", coded(t("collection.how", { model })))];
