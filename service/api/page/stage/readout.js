// @ts-check
/* The numbers under the pointer. */

import { contextOf, h } from "../core/dom.js";
import { integer, number, t, wholePercent } from "../core/text.js";
import { sizeOf } from "../session/images.js";
import { valueAt } from "./heatmap.js";

/** @import { Heatmap } from "../api.js" */
/** @import { Bitmap, Point, Size } from "../types.js" */

/**
 * A point of the image in shares of a heatmap's region, or null outside of it.
 * @param {Pick<Heatmap, "region">} map
 * @param {Point} point
 */
function inRegion({ region: [left, top, right, bottom] }, point) {
  const x = (point.x - left) / (right - left);
  const y = (point.y - top) / (bottom - top);
  return x >= 0 && x < 1 && y >= 0 && y < 1 ? { x, y } : null;
}

/**
 * The raw value of a heatmap at a point of the image.
 * @param {Pick<Heatmap, "grid" | "region" | "maximum">} map
 * @param {Point} point
 * @param {boolean} smooth
 */
export function valueText(map, point, smooth) {
  const inside = inRegion(map, point);
  if (!inside) return t("readout.unseen");
  const value = valueAt(map.grid, inside.x, inside.y, smooth);
  if (value < 0) return t("readout.value.against", { value: number(value) });
  if (map.maximum <= 0) return t("readout.value", { value: number(value) });
  return t("readout.value.share", { value: number(value), percent: wholePercent(value / map.maximum) });
}

/**
 * The position of the pointer, and the colour there: "x 812, y 1033 px · RGB 201 92 40".
 * @param {Point} point
 * @param {Size} image
 * @param {Bitmap | null} bitmap
 */
export function positionText(point, image, bitmap) {
  const inside = point.x >= 0 && point.y >= 0 && point.x < image.width && point.y < image.height;
  if (!inside) return t("readout.off");
  const position = t("readout.place", { x: integer(point.x), y: integer(point.y) });
  return bitmap ? `${position} · ${t("readout.colour", colourAt(bitmap, point))}` : position;
}

/**
 * The size of a heatmap's cells in pixels of the image.
 * @param {Pick<Heatmap, "grid" | "region">} map
 */
export function cellText({ region: [left, top, right, bottom], grid }) {
  const width = (right - left) / grid[0].length;
  const height = (bottom - top) / grid.length;
  return t("readout.cell", { width: integer(width), height: integer(height) });
}

/** @type {CanvasRenderingContext2D | null} */
let probe = null;

/** @param {Bitmap} bitmap @param {Point} point */
function colourAt({ full, width }, { x, y }) {
  probe ??= contextOf(h("canvas", { width: 1, height: 1 }), { willReadFrequently: true });
  const scale = sizeOf(full).width / width;
  probe.drawImage(full, Math.floor(x) * scale, Math.floor(y) * scale, scale, scale, 0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return { red, green, blue };
}
