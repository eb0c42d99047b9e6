/* A case of a collection: as a small picture with its label, and larger, beside the image that is looked at. */

import { h, refill } from "./dom.js";
import { factList } from "./facts.js";
import { button } from "./fields.js";
import { address, get, Problem } from "./wire.js";
import { integer, readable, t } from "./words.js";

export const labelOf = ({ label }) => (label ? readable(label) : t("case.unlabelled"));

const itemsOf = (collection) => `collections/${encodeURIComponent(collection.name)}/items`;

/** The small picture of a case, {id, label, thumbnail}; a tile with its label where none is kept. */
export function portrait(one, collection) {
  const tile = () => h("span.no-picture", labelOf(one));
  if (!collection.thumbnails) return tile();
  const src = one.thumbnail ? `data:${one.thumbnail.media_type};base64,${one.thumbnail.base64}` : address(`${itemsOf(collection)}/${one.id}/thumbnail`);
  const picture = h("img", { src, alt: "" });
  picture.addEventListener("error", () => picture.replaceWith(tile())); // forgotten in the meantime
  return picture;
}

/** A case to click on: its picture, its label, and how far it is. */
export const thumb = (one, collection, distance, more) => h("li", h("button.thumb", { key: `case ${one.id}`, ...more }, portrait(one, collection), h("strong", labelOf(one)), h("span.quiet", distance)));

/** Show cases one at a time in a dialog. Returns open(cases, place, collection, told(one) -> facts). */
export function createCase(store, dialog) {
  let step = null;
  dialog.addEventListener("keydown", ({ key }) => step?.({ ArrowLeft: -1, ArrowRight: 1 }[key]));

  function open(cases, place, collection, told) {
    const one = cases[place];
    step = (by) => cases[place + by] && open(cases, place + by, collection, told);
    const answer = h("span", "…");
    const walk = (by, key) => button(key, () => step(by), { disabled: !cases[place + by] });
    const facts = factList([...told(one, place), ["case.name", one.name], ["case.number", integer(one.id)], ["case.predicted", answer]]);
    refill(
      dialog,
      h("div.section-head", h("h2", { id: "case-title" }, labelOf(one)), h("span.actions", walk(-1, "case.before"), walk(1, "case.after"), button("keys.close", () => dialog.close()))),
      h("div.pair", [picture(own(store.state.current), "case.own"), picture(portrait(one, collection), "case.other")]),
      facts,
      h("p.hint", collection.notice),
    );
    if (!dialog.open) dialog.showModal();
    predicted(one, collection, store.state.details).then((text) => (answer.textContent = text));
  }
  return open;
}

const picture = (content, key) => h("figure", content, h("figcaption.hint", t(key)));

function own({ picture: shown }) {
  if (!shown) return h("span.no-picture", t("note.undisplayable"));
  const { small } = shown;
  const canvas = h("canvas", { width: small.width ?? small.naturalWidth, height: small.height ?? small.naturalHeight });
  canvas.getContext("2d").drawImage(small, 0, 0);
  return canvas;
}

/** What the model itself answers for a case, in a word. */
async function predicted({ id }, collection, details) {
  try {
    const { items } = await get(`${itemsOf(collection)}?after=${id - 1}&limit=1`);
    return readable(details.labels[items.find((item) => item.id === id)?.predicted] ?? "");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return "–";
  }
}
