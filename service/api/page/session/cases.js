// @ts-check
/* A case of a collection as a small picture with its label. */

import { h } from "../core/dom.js";
import { address } from "../core/http.js";
import { readable, t } from "../core/text.js";

/** @import { Collection } from "../api.js" */
/** @import { Case, Properties } from "../types.js" */

/** @param {{label: string | undefined}} one */
export const labelOf = ({ label }) => (label ? readable(label) : t("case.unlabelled"));

/** @param {Collection} collection */
export const itemsPath = (collection) => `collections/${encodeURIComponent(collection.name)}/items`;

/**
 * The picture of a case, or its label where the collection has no pictures.
 * @param {Case} one
 * @param {Collection} collection
 */
export function picture(one, collection) {
  const label = () => h("span.no-picture", labelOf(one));
  if (!collection.thumbnails) return label();
  const { thumbnail } = one;
  const src = thumbnail
    ? `data:${thumbnail.media_type};base64,${thumbnail.base64}`
    : address(`${itemsPath(collection)}/${one.id}/thumbnail`);
  const image = h("img", { src, alt: "" });
  image.addEventListener("error", () => image.replaceWith(label())); // deleted meanwhile
  return image;
}

/**
 * A case to click on: its picture, its label, and its distance.
 * @param {Case} one
 * @param {Collection} collection
 * @param {string} distance
 * @param {Properties} more
 */
export const tile = (one, collection, distance, more) =>
  h(
    "li",
    h(
      "button.thumb",
      { key: `case ${one.id}`, ...more },
      picture(one, collection),
      h("strong", labelOf(one)),
      h("span.quiet", distance),
    ),
  );
