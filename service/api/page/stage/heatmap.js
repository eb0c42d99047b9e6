// @ts-check
/* The grid of a heatmap as colours and as numbers, by the same arithmetic as the service's pictures. */

import { clamp } from "../core/camera.js";
import { contextOf, h } from "../core/dom.js";
import { table } from "./colormaps.js";

/** @import { Heatmap } from "../api.js" */

/** @typedef {[lower: number, upper: number, share: number]} Interval */
/** @typedef {{colormap: string, smooth: boolean, maximum: number, opaque: boolean}} Style */

const SIDE = 224; // pixels of a smooth heatmap; the browser enlarges it further

/**
 * The two of n cells between whose centres a position lies (0 to 1 across all cells), and how near it is to the second.
 * @param {number} share
 * @param {number} cells
 * @returns {Interval}
 */
function between(share, cells) {
  const position = clamp(share * cells - 0.5, 0, cells - 1); // the outermost cells extend to the edge
  const lower = Math.floor(position);
  return [lower, Math.min(lower + 1, cells - 1), position - lower];
}

/** @param {number[][]} grid @param {Interval} down @param {Interval} across */
function blend(grid, [top, bottom, low], [left, right, far]) {
  const upper = grid[top][left] * (1 - far) + grid[top][right] * far;
  const lower = grid[bottom][left] * (1 - far) + grid[bottom][right] * far;
  return upper * (1 - low) + lower * low;
}

/**
 * A grid enlarged to width × height by bilinear interpolation, row by row.
 * @param {number[][]} grid
 * @param {number} width
 * @param {number} height
 */
export function upsample(grid, width, height) {
  const across = Array.from({ length: width }, (_, x) => between((x + 0.5) / width, grid[0].length));
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const down = between((y + 0.5) / height, grid.length);
    for (let x = 0; x < width; x += 1) values[y * width + x] = blend(grid, down, across[x]);
  }
  return values;
}

/**
 * The raw value at a position of the heatmap's region, x and y from 0 to 1: of the cell, or interpolated where smooth.
 * @param {number[][]} grid
 * @param {number} x
 * @param {number} y
 * @param {boolean} smooth
 */
export function valueAt(grid, x, y, smooth) {
  const rows = grid.length;
  const columns = grid[0].length;
  if (smooth) return blend(grid, between(y, rows), between(x, columns));
  return grid[Math.min(rows - 1, Math.floor(y * rows))][Math.min(columns - 1, Math.floor(x * columns))];
}

/**
 * The level of a raw value on a scale from 0 to the maximum: 0 to 255.
 * @param {number} value
 * @param {number} maximum
 */
export const levelOf = (value, maximum) =>
  maximum > 0 ? Math.min(255, Math.round((255 * Math.max(value, 0)) / maximum)) : 0;

/** @type {WeakMap<Heatmap, Map<string, HTMLCanvasElement>>} */
const cache = new WeakMap();

/**
 * A canvas with a heatmap in colours. maximum: the raw value at the upper end of the scale. opaque: every pixel covers
 * what is below it; otherwise the opacity follows the value.
 * @param {Heatmap} map
 * @param {Style} style
 */
export function heatmapCanvas(map, style) {
  const key = [style.colormap, style.smooth, style.maximum, style.opaque].join();
  const canvases = cache.get(map) ?? new Map();
  cache.set(map, canvases);
  if (!canvases.has(key)) canvases.set(key, draw(map.grid, style));
  return /** @type {HTMLCanvasElement} */ (canvases.get(key));
}

/** @param {number[][]} grid @param {Style} style */
function draw(grid, { colormap, smooth, maximum, opaque }) {
  const columns = grid[0].length;
  const rows = grid.length;
  const width = smooth ? Math.max(SIDE, columns) : columns;
  const height = smooth ? Math.max(SIDE, rows) : rows;
  const canvas = h("canvas", { width, height });
  const values = smooth ? upsample(grid, width, height) : Float32Array.from(grid.flat());
  const context = contextOf(canvas);
  const pixels = context.createImageData(width, height);
  const colours = table(colormap);
  values.forEach((value, place) => {
    const level = levelOf(value, maximum);
    pixels.data[4 * place] = colours[3 * level];
    pixels.data[4 * place + 1] = colours[3 * level + 1];
    pixels.data[4 * place + 2] = colours[3 * level + 2];
    pixels.data[4 * place + 3] = opaque ? 255 : level;
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * The centre of the strongest cell, as shares of the region. counts: whether a centre counts, as padding does not.
 * @param {number[][]} grid
 * @param {(x: number, y: number) => boolean} [counts]
 */
export function peak(grid, counts = () => true) {
  let best = { value: Number.NEGATIVE_INFINITY, x: 0.5, y: 0.5 };
  grid.forEach((row, y) => {
    row.forEach((value, x) => {
      const centre = { value, x: (x + 0.5) / row.length, y: (y + 0.5) / grid.length };
      if (value > best.value && counts(centre.x, centre.y)) best = centre;
    });
  });
  return best;
}
