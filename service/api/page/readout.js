/* Numbers under the pointer. */

import { valueAt } from "./heat.js";
import { integer, number, roughly, t } from "./words.js";

/** A place of the image in shares of a map's region; null outside of it. */
function within(map, place) {
  const [left, top, right, bottom] = map.region;
  const x = (place.x - left) / (right - left);
  const y = (place.y - top) / (bottom - top);
  return x >= 0 && x < 1 && y >= 0 && y < 1 ? { x, y } : null;
}

/** The raw value of a view's map at a place of the image, in words. */
export function valueText({ map }, place, smooth) {
  const inside = within(map, place);
  if (!inside) return t("readout.unseen");
  const value = valueAt(map.grid, inside.x, inside.y, smooth);
  if (value < 0) return t("readout.value.against", { value: number(value) });
  if (map.maximum <= 0) return t("readout.value", { value: number(value) });
  return t("readout.value.share", { value: number(value), percent: roughly(value / map.maximum) });
}

/** Where the pointer is, and the colour there: "x 812, y 1033 px · RGB 201 92 40". */
export function placeText(place, image, picture) {
  const inside = place.x >= 0 && place.y >= 0 && place.x < image.width && place.y < image.height;
  if (!inside) return t("readout.off");
  const where = t("readout.place", { x: integer(place.x), y: integer(place.y) });
  const colour = picture && colourAt(picture, place);
  return colour ? `${where} · ${t("readout.colour", colour)}` : where;
}

/** How coarse a map is: the size of its cells in pixels of the image. */
export function cellText({ region, grid }) {
  const [left, top, right, bottom] = region;
  const width = (right - left) / grid[0].length;
  const height = (bottom - top) / grid.length;
  return t("readout.cell", { width: integer(width), height: integer(height) });
}

let probe = null;

function colourAt({ full, width }, { x, y }) {
  probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const scale = (full.naturalWidth ?? full.width) / width;
  probe.drawImage(full, Math.floor(x) * scale, Math.floor(y) * scale, scale, scale, 0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return { red, green, blue };
}
