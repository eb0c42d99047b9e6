/*
 * Upright pictures. Browsers turn JPEGs by their EXIF orientation, but not every browser does so for PNG and WebP, where
 * the service does. What this browser leaves undone is done here, so that picture and map agree.
 */

const TURNED = {
  // 2 × 1 pixels with orientation 6: a browser that honours it says 1 × 2
  "image/png":
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAGmVYSWZNTQAqAAAACAABARIAAwAAAAEABgAAAAAAANZnS2kAAAAPSURBVHicY2BgYGBgYAAAAAcAAVchYhkAAAAASUVORK5CYII=",
  "image/webp":
    "UklGRk4AAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TA4AAAAvAQAAAAcQEf0PRET/A0VYSUYaAAAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAA=",
};

const honoured = new Map();

async function honours(type) {
  if (!honoured.has(type)) {
    const probe = new Image();
    probe.src = `data:${type};base64,${TURNED[type]}`;
    await probe.decode();
    honoured.set(type, probe.naturalWidth === 1);
  }
  return honoured.get(type);
}

/** The picture upright: the element itself, or a canvas where the browser has left it lying. */
export async function upright(image, blob) {
  const type = kindOf(new Uint8Array(await blob.slice(0, 12).arrayBuffer()));
  if (!type || (await honours(type))) return image;
  const orientation = orientationOf(new Uint8Array(await blob.arrayBuffer()), type);
  return orientation > 1 && orientation <= 8 ? turned(image, orientation) : image;
}

function kindOf(bytes) {
  const word = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (word(0) === "\x89PNG") return "image/png";
  return word(0) === "RIFF" && word(8) === "WEBP" ? "image/webp" : null;
}

/** The EXIF orientation, 1 to 8, in the chunks of a PNG or WebP; 1 where there is none. */
export function orientationOf(bytes, type) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const png = type === "image/png";
  for (let at = png ? 8 : 12; at + 8 <= bytes.length; ) {
    const size = png ? view.getUint32(at) : view.getUint32(at + 4, true);
    const name = String.fromCharCode(...bytes.subarray(png ? at + 4 : at, (png ? at + 4 : at) + 4));
    const body = bytes.subarray(at + 8, at + 8 + size);
    if (name === (png ? "eXIf" : "EXIF")) return tag(body);
    at += png ? size + 12 : 8 + size + (size % 2);
  }
  return 1;
}

/** Tag 0x0112 of the first directory of an EXIF block. */
function tag(exif) {
  const start = String.fromCharCode(...exif.subarray(0, 4)) === "Exif" ? 6 : 0;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  try {
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    for (let entry = 0; entry < view.getUint16(directory, little); entry += 1) {
      const at = directory + 2 + 12 * entry;
      if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a directory that points beyond its end
  }
  return 1;
}

/** Canvas transforms for the orientations 2 to 8, for a picture of w × h as stored. */
const TURNS = {
  2: (w) => [-1, 0, 0, 1, w, 0],
  3: (w, h) => [-1, 0, 0, -1, w, h],
  4: (w, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (w, h) => [0, 1, -1, 0, h, 0],
  7: (w, h) => [0, -1, -1, 0, h, w],
  8: (w) => [0, -1, 1, 0, 0, w],
};

function turned(image, orientation) {
  const canvas = document.createElement("canvas");
  const { naturalWidth: width, naturalHeight: height } = image;
  canvas.width = orientation > 4 ? height : width;
  canvas.height = orientation > 4 ? width : height;
  const context = canvas.getContext("2d");
  context.setTransform(...TURNS[orientation](width, height));
  context.drawImage(image, 0, 0);
  return canvas;
}
