// @ts-check
/*
 * Upright pictures. The service applies the EXIF orientation of JPEG, PNG and WebP; not every browser does so for PNG and
 * WebP. Where the browser does not, this module does, so that the picture and the heatmap agree.
 */

import { contextOf } from "../core/dom.js";

/** @import { Drawable } from "../types.js" */

/** @type {Record<string, string>} */
const PROBES = {
  // 2 × 1 pixels with orientation 6: a browser that applies it reports 1 × 2
  "image/png":
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAGmVYSWZNTQAqAAAACAABARIAAwAAAAEABgAAAAAAANZnS2kAAAAPSURBVHicY2BgYGBgYAAAAAcAAVchYhkAAAAASUVORK5CYII=",
  "image/webp":
    "UklGRk4AAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TA4AAAAvAQAAAAcQEf0PRET/A0VYSUYaAAAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAA=",
};

/** @type {Map<string, boolean>} */
const applied = new Map();

/**
 * Whether the browser applies the orientation of this media type.
 * @param {string} type
 */
async function isApplied(type) {
  const known = applied.get(type);
  if (known !== undefined) return known;
  const probe = new Image();
  probe.src = `data:${type};base64,${PROBES[type]}`;
  await probe.decode();
  applied.set(type, probe.naturalWidth === 1);
  return probe.naturalWidth === 1;
}

/**
 * The picture upright: the element itself, or a canvas where the browser does not turn it.
 * @param {HTMLImageElement} image
 * @param {Blob} blob
 * @returns {Promise<Drawable>}
 */
export async function upright(image, blob) {
  const type = typeOf(new DataView(await blob.slice(0, 12).arrayBuffer()));
  if (!type || (await isApplied(type))) return image;
  const orientation = orientationOf(new DataView(await blob.arrayBuffer()));
  return orientation in TRANSFORMS ? turned(image, orientation) : image;
}

/** @param {DataView} view @param {number} at */
const word = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)));

/**
 * The media type of a file by its first 12 bytes: PNG, WebP or null.
 * @param {DataView} view
 */
export function typeOf(view) {
  if (view.byteLength < 12) return null;
  if (word(view, 0) === "\x89PNG") return "image/png";
  return word(view, 0) === "RIFF" && word(view, 8) === "WEBP" ? "image/webp" : null;
}

/**
 * The EXIF orientation of a PNG or WebP, 1 to 8; 1 where the file names none.
 * @param {DataView} view
 */
export function orientationOf(view) {
  try {
    for (const { name, start } of chunksOf(view)) {
      if (name.toUpperCase() === "EXIF") return tiffOrientation(view, start);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the file ends too early
  }
  return 1;
}

/**
 * The chunks of a PNG (size, name, data, checksum) or WebP (name, size, data, padding).
 * @param {DataView} view
 */
function* chunksOf(view) {
  const png = typeOf(view) === "image/png";
  let at = png ? 8 : 12;
  while (at + 8 <= view.byteLength) {
    const size = view.getUint32(png ? at : at + 4, !png);
    yield { name: word(view, png ? at + 4 : at), start: at + 8 };
    at += 8 + size + (png ? 4 : size % 2);
  }
}

const ORIENTATION = 0x0112; // the tag
const LITTLE_ENDIAN = 0x4949; // "II"

/** @param {DataView} view @param {number} start */
function tiffOrientation(view, start) {
  const header = word(view, start) === "Exif" ? start + 6 : start;
  const little = view.getUint16(header) === LITTLE_ENDIAN;
  const directory = header + view.getUint32(header + 4, little);
  for (let entry = 0; entry < view.getUint16(directory, little); entry += 1) {
    const at = directory + 2 + 12 * entry;
    if (view.getUint16(at, little) === ORIENTATION) return view.getUint16(at + 8, little);
  }
  return 1;
}

/**
 * Canvas transforms for the orientations 2 to 8, for a stored picture of w × h.
 * @type {Record<number, (w: number, h: number) => [number, number, number, number, number, number]>}
 */
export const TRANSFORMS = {
  2: (w) => [-1, 0, 0, 1, w, 0],
  3: (w, h) => [-1, 0, 0, -1, w, h],
  4: (_, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (_, h) => [0, 1, -1, 0, h, 0],
  7: (w, h) => [0, -1, -1, 0, h, w],
  8: (w) => [0, -1, 1, 0, 0, w],
};

/** @param {HTMLImageElement} image @param {number} orientation */
function turned(image, orientation) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = document.createElement("canvas");
  canvas.width = orientation > 4 ? height : width;
  canvas.height = orientation > 4 ? width : height;
  const context = contextOf(canvas);
  context.setTransform(...TRANSFORMS[orientation](width, height));
  context.drawImage(image, 0, 0);
  return canvas;
}
