/* The images that were opened: their bytes as they are, and a picture to look at. */

import { h } from "./dom.js";
import { upright } from "./orientation.js";

const SMALL = 1600; // pixels of the longer side of the copy that is drawn while the view is small

let count = 0;

/**
 * An image file. picture: {full, small, width, height} or null where the browser cannot show it. note: a key of
 * strings.js. outcomes: by model, {label, probability}, {refused: true} or {problem}, once the service has said so.
 */
export async function createItem(blob, name) {
  count += 1;
  const item = { id: count, blob, name, address: URL.createObjectURL(blob), picture: null, note: null, outcomes: {} };
  try {
    item.picture = pictureOf(await upright(await decoded(item.address), blob));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // EncodingError: a format of the service, not of the browser
    item.note = "note.undisplayable";
  }
  return item;
}

export const forget = (item) => URL.revokeObjectURL(item.address);

async function decoded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

function pictureOf(full) {
  const width = full.naturalWidth ?? full.width;
  const height = full.naturalHeight ?? full.height;
  const scale = SMALL / Math.max(width, height);
  if (scale >= 1) return { full, small: full, width, height };
  const small = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(full, 0, 0, small.width, small.height);
  return { full, small, width, height };
}

/** Whether the picture is the image the service has seen: the same size, upright. Unknown without a picture: false. */
export function agrees(item, { width, height }) {
  return item.picture !== null && item.picture.width === width && item.picture.height === height;
}

/** Show what the service made of the image instead: its overlay without the legend below. */
export async function adopt(item, overlay, { width, height }) {
  const image = await decoded(`data:${overlay.media_type};base64,${overlay.base64}`);
  const scale = Math.min(1, 1024 / Math.max(width, height), image.naturalWidth / width); // previews have 1024 at most
  const full = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  full.getContext("2d").drawImage(image, 0, 0); // the upper left corner is kept, the legend falls off
  item.picture = { full, small: full, width, height };
  item.note = "note.service";
}
