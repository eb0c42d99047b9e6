// @ts-check
/* A case of a collection in a dialog, beside the image that is shown. */

import { contextOf, h, refill } from "../core/dom.js";
import { factList } from "../core/facts.js";
import { button } from "../core/fields.js";
import { get, Problem } from "../core/http.js";
import { integer, readable, t } from "../core/text.js";
import { itemsPath, labelOf, picture } from "../session/cases.js";
import { sizeOf } from "../session/images.js";

/** @import { Collection, ItemList, ModelDetails } from "../api.js" */
/** @import { Case, OpenCase, OpenImage, PageStore } from "../types.js" */

/**
 * Show cases in a dialog, one at a time.
 * @param {PageStore} store
 * @param {HTMLDialogElement} dialog
 * @returns {OpenCase}
 */
export function createCase(store, dialog) {
  /** @type {(by: number) => void} */
  let step = () => {};
  dialog.addEventListener("keydown", ({ key }) => {
    if (key === "ArrowLeft") step(-1);
    if (key === "ArrowRight") step(1);
  });

  /** @type {OpenCase} */
  function open(cases, place, collection, facts) {
    const one = cases[place];
    step = (by) => cases[place + by] && open(cases, place + by, collection, facts);
    const predicted = h("span", "…");
    const walk = (/** @type {number} */ by, /** @type {string} */ key) =>
      button(key, () => step(by), { disabled: !cases[place + by] });
    const close = button("keys.close", () => dialog.close());
    refill(
      dialog,
      h(
        "div.section-head",
        h("h2", { id: "case-title" }, labelOf(one)),
        h("span.actions", walk(-1, "case.before"), walk(1, "case.after"), close),
      ),
      h(
        "div.pair",
        figure(ownPicture(store.state.current), "case.own"),
        figure(picture(one, collection), "case.other"),
      ),
      factList([
        ...facts(one, place),
        ["case.name", one.name],
        ["case.number", integer(one.id)],
        ["case.predicted", predicted],
      ]),
      h("p.hint", collection.notice),
    );
    if (!dialog.open) dialog.showModal();
    predictedClass(one, collection, store.state.details).then((text) => {
      predicted.textContent = text;
    });
  }
  return open;
}

/** @param {Node} content @param {string} key */
const figure = (content, key) => h("figure", content, h("figcaption.hint", t(key)));

/** @param {OpenImage | null} item */
function ownPicture(item) {
  if (!item?.bitmap) return h("span.no-picture", t("note.undisplayable"));
  const { small } = item.bitmap;
  const canvas = h("canvas", { ...sizeOf(small) });
  contextOf(canvas).drawImage(small, 0, 0);
  return canvas;
}

/**
 * The class that the model predicts for a case.
 * @param {Case} one
 * @param {Collection} collection
 * @param {ModelDetails | null} details
 */
async function predictedClass({ id }, collection, details) {
  try {
    /** @type {ItemList} */
    const { items } = await get(`${itemsPath(collection)}?after=${id - 1}&limit=1`);
    const found = items.find((item) => item.id === id);
    return readable(details?.labels[found?.predicted ?? -1] ?? "");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return "–";
  }
}
