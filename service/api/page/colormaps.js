/*
 * Perceptually uniform colour scales: matplotlib's tables (CC0), as the service has them. Packed: red, green and blue of
 * one scale after the other, 256 bytes each, every byte as its difference from the one before; deflated; in base64.
 */

export const COLORMAPS = ["inferno", "magma", "plasma", "viridis", "cividis"];
const LEVELS = 256;
const PACKED =
  "eNqNV0t25DAIBLnzXjZziTlL1lnNnebUiWIbEBRgOxJGSN2SW3wKmpjoIN7J2lA6u5IwDsMNu10A4ezGlM5HmDdSZnR2J2XaprF5kHVjJLvldX6GLFI8Oxxnj6xz7InlAedAqnTCq67ru2bQFm4FsYxyH1fjZi7aV/2OF9t3NmVGm09k6zKJ3Qi1VNXvKj+7MBGmsrZ9Z/7tzyIbzmPJDKpX3uwq20HSXkfX9ibDvuLmD3YYGAfuvxAA116NQmW92IQFhsGD73emqHZJUnR+6iPsZBMiAcMAt8b9Jaq4BlqOi2WIAVgUvT56dhHgCxfcxZccbl5eAgFCQTfpTxOXwUhg0CsoGkEJIoMmUIgPX5YN2WgddgB8o6fF28v45wgNv35Ceg7jJXwPAKqE44jlCdQR/AiAfgFk9UoA6T4LMPh5SQVLr/Q+o2/XceZz4gvchRN6R2G00/uPByYC0ObIVNIE9/iDbqDD//U2citAKKOiK8rM6NHFixPOJ9CnIqXxbmhXV+hYvrHAmdFsGpxzfn3IzWoN8Riz6E7QU8EBm5NIM3qXATnHhCRGDyUAtm1gztZurJIy2cHcJ50w5DgeJZabsC7RfblCd/OMDhkk3FtT5oFekYLNDf6lEhTvmICIMt5zTb6PWZgKNIGHLd8JOBXDKRdKoSY6uzElfY6JlEviZnrJMS5+HR+1kSeFiOy39m5tlkdqP3zwm6ZGflgefAfFB9sv+rdNNLlIz9/4zeTqhFj7o1ieC6GKqNmgPnrQ6fhM//BOa2PBd5EfW7dBgYGtmIN80tZKVN4/eyBuc/rMVdSEvxISDnvbFTJ+AABHBqc=";

const differences = await inflated(Uint8Array.from(atob(PACKED), (letter) => letter.charCodeAt(0)));
const tables = new Map(COLORMAPS.map((name, place) => [name, unpacked(differences.subarray(3 * LEVELS * place))]));

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function unpacked(steps) {
  const colours = new Uint8Array(3 * LEVELS); // which wraps sums as they were wrapped
  for (let channel = 0; channel < 3; channel += 1) {
    let value = 0;
    for (let level = 0; level < LEVELS; level += 1) colours[3 * level + channel] = value += steps[LEVELS * channel + level];
  }
  return colours;
}

/** Uint8Array of 256 × 3, from nothing to the maximum. */
export const table = (name) => tables.get(name);

export function scaleCanvas(name) {
  const canvas = document.createElement("canvas");
  canvas.width = 256;
  canvas.height = 1;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(256, 1);
  table(name).forEach((value, place) => (pixels.data[Math.floor(place / 3) * 4 + (place % 3)] = value));
  for (let level = 0; level < 256; level += 1) pixels.data[4 * level + 3] = 255;
  context.putImageData(pixels, 0, 0);
  return canvas;
}
