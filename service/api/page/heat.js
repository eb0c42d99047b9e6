/* A map's grid as colours and as numbers. The same law as the service's own pictures. */

import { table } from "./colormaps.js";

const SIDE = 224; // pixels a smooth map is computed at; the browser's own smoothing does the rest

/** Between which two of n cells a position lies (0 to 1 across all of them), and how near to the second. */
function between(share, cells) {
  const position = Math.min(Math.max(share * cells - 0.5, 0), cells - 1); // centres at half, the outermost held to the edge
  const lower = Math.floor(position);
  return [lower, Math.min(lower + 1, cells - 1), position - lower];
}

function blend(grid, [top, bottom, low], [left, right, far]) {
  const upper = grid[top][left] * (1 - far) + grid[top][right] * far;
  const lower = grid[bottom][left] * (1 - far) + grid[bottom][right] * far;
  return upper * (1 - low) + lower * low;
}

/** A grid (rows of numbers) enlarged to width × height by bilinear interpolation, row by row: Float32Array. */
export function upsample(grid, width, height) {
  const across = Array.from({ length: width }, (_, x) => between((x + 0.5) / width, grid[0].length));
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const down = between((y + 0.5) / height, grid.length);
    for (let x = 0; x < width; x += 1) values[y * width + x] = blend(grid, down, across[x]);
  }
  return values;
}

/** The raw value at a place of the map's region, x and y from 0 to 1: of its cell, or between cells where smooth. */
export function valueAt(grid, x, y, smooth) {
  const rows = grid.length;
  const columns = grid[0].length;
  if (smooth) return blend(grid, between(y, rows), between(x, columns));
  return grid[Math.min(rows - 1, Math.floor(y * rows))][Math.min(columns - 1, Math.floor(x * columns))];
}

const painted = new WeakMap();

/**
 * A canvas with the map of one target in colours. maximum: the raw value at the scale's upper end. opaque: every pixel
 * covers what is below it; otherwise transparency follows the heat. Kept until it is asked for differently.
 */
export function heatCanvas(map, { colormap, smooth, maximum, opaque }) {
  const key = [colormap, smooth, maximum, opaque].join();
  const kept = painted.get(map) ?? new Map();
  painted.set(map, kept);
  if (!kept.has(key)) kept.set(key, draw(map.grid, colormap, smooth, maximum, opaque));
  return kept.get(key);
}

function draw(grid, colormap, smooth, maximum, opaque) {
  const columns = grid[0].length;
  const rows = grid.length;
  const canvas = document.createElement("canvas");
  canvas.width = smooth ? Math.max(SIDE, columns) : columns;
  canvas.height = smooth ? Math.max(SIDE, rows) : rows;
  const values = smooth ? upsample(grid, canvas.width, canvas.height) : Float32Array.from(grid.flat());
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const colours = table(colormap);
  values.forEach((value, place) => {
    const level = maximum > 0 ? Math.min(255, Math.round((255 * Math.max(value, 0)) / maximum)) : 0;
    pixels.data[4 * place] = colours[3 * level];
    pixels.data[4 * place + 1] = colours[3 * level + 1];
    pixels.data[4 * place + 2] = colours[3 * level + 2];
    pixels.data[4 * place + 3] = opaque ? 255 : level;
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** The centre of the map's strongest cell, as shares of its region. */
export function peak(grid) {
  let best = { value: -Infinity, x: 0.5, y: 0.5 };
  grid.forEach((row, y) => {
    row.forEach((value, x) => {
      if (value > best.value) best = { value, x: (x + 0.5) / row.length, y: (y + 0.5) / grid.length };
    });
  });
  return best;
}
