// @ts-check
/* Open image files: their bytes, unchanged, and a picture for the screen. */

import { contextOf, h } from "../core/dom.js";
import { upright } from "./orientation.js";

/** @import { Picture } from "../api.js" */
/** @import { Bitmap, Drawable, OpenImage, Size } from "../types.js" */

const SMALL = 1600; // pixels of the longer side of the copy for small views
const LARGEST_OVERLAY = 1024; // pixels of the longer side of the service's overlay

let count = 0;

/**
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<OpenImage>}
 */
export async function openImage(blob, name) {
  count += 1;
  /** @type {OpenImage} */
  const item = { id: count, blob, name, address: URL.createObjectURL(blob), bitmap: null, note: null, outcomes: {} };
  try {
    item.bitmap = bitmapOf(await upright(await decoded(item.address), blob));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // EncodingError: the browser does not know the format
    item.note = "note.undisplayable";
  }
  return item;
}

/** @param {OpenImage} item */
export const closeImage = (item) => URL.revokeObjectURL(item.address);

/** @param {string} address */
async function decoded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/**
 * The size of a picture in its own pixels.
 * @param {Drawable} picture
 * @returns {Size}
 */
export const sizeOf = (picture) =>
  picture instanceof HTMLImageElement
    ? { width: picture.naturalWidth, height: picture.naturalHeight }
    : { width: picture.width, height: picture.height };

/** @param {Drawable} full @returns {Bitmap} */
function bitmapOf(full) {
  const { width, height } = sizeOf(full);
  const scale = SMALL / Math.max(width, height);
  if (scale >= 1) return { full, small: full, width, height };
  const small = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = contextOf(small);
  context.imageSmoothingQuality = "high";
  context.drawImage(full, 0, 0, small.width, small.height);
  return { full, small, width, height };
}

/**
 * Whether the picture has the size of the image that the service has read.
 * @param {OpenImage} item
 * @param {Size} size
 */
export const hasSize = ({ bitmap }, { width, height }) => bitmap?.width === width && bitmap.height === height;

/**
 * Show an overlay of the service, without the legend below it, instead of the browser's picture.
 * @param {OpenImage} item
 * @param {Picture} overlay
 * @param {Size} size of the image
 */
export async function showOverlay(item, overlay, { width, height }) {
  const image = await decoded(`data:${overlay.media_type};base64,${overlay.base64}`);
  const scale = Math.min(1, LARGEST_OVERLAY / Math.max(width, height), image.naturalWidth / width);
  const full = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  contextOf(full).drawImage(image, 0, 0); // the legend lies outside of this canvas
  item.bitmap = { full, small: full, width, height };
  item.note = "note.service";
}
