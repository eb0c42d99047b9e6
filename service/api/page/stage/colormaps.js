// @ts-check
/*
 * Perceptually uniform colour scales: matplotlib's tables (CC0), the same as in the service. Packed: red, green and blue of
 * one scale after the other, 256 bytes each, every byte as its difference from the one before; deflated; in base64.
 */

import { contextOf, h } from "../core/dom.js";

export const COLORMAPS = ["inferno", "magma", "plasma", "viridis", "cividis"];
const LEVELS = 256;
const PACKED =
  "eNqNV0t25DAIBLnzXjZziTlL1lnNnebUiWIbEBRgOxJGSN2SW3wKmpjoIN7J2lA6u5IwDsMNu10A4ezGlM5HmDdSZnR2J2XaprF5kHVjJLvldX6GLFI8Oxxnj6xz7InlAedAqnTCq67ru2bQFm4FsYxyH1fjZi7aV/2OF9t3NmVGm09k6zKJ3Qi1VNXvKj+7MBGmsrZ9Z/7tzyIbzmPJDKpX3uwq20HSXkfX9ibDvuLmD3YYGAfuvxAA116NQmW92IQFhsGD73emqHZJUnR+6iPsZBMiAcMAt8b9Jaq4BlqOi2WIAVgUvT56dhHgCxfcxZccbl5eAgFCQTfpTxOXwUhg0CsoGkEJIoMmUIgPX5YN2WgddgB8o6fF28v45wgNv35Ceg7jJXwPAKqE44jlCdQR/AiAfgFk9UoA6T4LMPh5SQVLr/Q+o2/XceZz4gvchRN6R2G00/uPByYC0ObIVNIE9/iDbqDD//U2citAKKOiK8rM6NHFixPOJ9CnIqXxbmhXV+hYvrHAmdFsGpxzfn3IzWoN8Riz6E7QU8EBm5NIM3qXATnHhCRGDyUAtm1gztZurJIy2cHcJ50w5DgeJZabsC7RfblCd/OMDhkk3FtT5oFekYLNDf6lEhTvmICIMt5zTb6PWZgKNIGHLd8JOBXDKRdKoSY6uzElfY6JlEviZnrJMS5+HR+1kSeFiOy39m5tlkdqP3zwm6ZGflgefAfFB9sv+rdNNLlIz9/4zeTqhFj7o1ieC6GKqNmgPnrQ6fhM//BOa2PBd5EfW7dBgYGtmIN80tZKVN4/eyBuc/rMVdSEvxISDnvbFTJ+AABHBqc=";

const differences = await inflated(Uint8Array.from(atob(PACKED), (letter) => letter.charCodeAt(0)));
const tables = new Map(COLORMAPS.map((name, place) => [name, unpacked(differences.subarray(3 * LEVELS * place))]));

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {Uint8Array} steps */
function unpacked(steps) {
  const colours = new Uint8Array(3 * LEVELS); // its sums wrap around as the differences did
  for (let channel = 0; channel < 3; channel += 1) {
    let value = 0;
    for (let level = 0; level < LEVELS; level += 1) {
      value += steps[LEVELS * channel + level];
      colours[3 * level + channel] = value;
    }
  }
  return colours;
}

/**
 * The colours of a scale, 256 × 3, from 0 to the maximum.
 * @param {string} name
 * @returns {Uint8Array}
 */
export function table(name) {
  const found = tables.get(name);
  if (!found) throw new RangeError(`no colour scale is called ${name}`);
  return found;
}

/**
 * A canvas of 256 × 1 pixels with all colours of a scale.
 * @param {string} name
 */
export function scaleCanvas(name) {
  const canvas = h("canvas", { width: LEVELS, height: 1 });
  const context = contextOf(canvas);
  const pixels = context.createImageData(LEVELS, 1);
  const colours = table(name);
  for (let level = 0; level < LEVELS; level += 1) {
    pixels.data.set([...colours.subarray(3 * level, 3 * level + 3), 255], 4 * level);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
