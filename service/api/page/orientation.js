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
  const orientation = orientationOf(new Uint8Array(await blob.arrayBuffer()));
  return orientation > 1 && orientation <= 8 ? turned(image, orientation) : image;
}

function kindOf(bytes) {
  const word = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (word(0) === "\x89PNG") return "image/png";
  return word(0) === "RIFF" && word(8) === "WEBP" ? "image/webp" : null;
}

/** The chunk of a PNG or WebP that holds EXIF, and in its first directory tag 0x0112, in either order of bytes. */
const TAG = /(?:eXIf|EXIF[^]{4}(?:Exif\0\0)?)(?:II\*\0[^]{4,999}?\x12\x01\x03\0\x01\0\0\0([^])|MM\0\*[^]{4,999}?\x01\x12\0\x03\0\0\0\x01\0([^]))/;

/** The EXIF orientation, 1 to 8; 1 where there is none. */
export function orientationOf(bytes) {
  const [, little, big] = new TextDecoder("latin1").decode(bytes).match(TAG) ?? [];
  return (little ?? big ?? "\x01").charCodeAt(0);
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
