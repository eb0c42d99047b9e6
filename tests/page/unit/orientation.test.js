import assert from "node:assert/strict";
import { test } from "node:test";
import { orientationOf, TRANSFORMS, typeOf } from "../../../service/api/page/session/orientation.js";

/** A TIFF directory with one other tag and the orientation. */
function tiff(orientation, little) {
  const bytes = new Uint8Array(8 + 2 + 2 * 12 + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(little ? "II" : "MM"));
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 2, little);
  const entry = (at, tag, value) => {
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, 3, little);
    view.setUint32(at + 4, 1, little);
    view.setUint16(at + 8, value, little);
  };
  entry(10, 0x0100, 77);
  entry(22, 0x0112, orientation);
  return bytes;
}

const ascii = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

function size(value, little) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, little);
  return bytes;
}

function joined(...parts) {
  const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
  return new DataView(bytes.buffer);
}

const CHECKSUM = new Uint8Array(4);
const pngChunk = (name, data) => joined(size(data.length, false), ascii(name), data, CHECKSUM);
const webpChunk = (name, data) => joined(ascii(name), size(data.length, true), data, new Uint8Array(data.length % 2));
const bytesOf = (view) => new Uint8Array(view.buffer);

const png = (...chunks) => joined(ascii("\x89PNG\r\n\x1a\n"), ...chunks.map(bytesOf));
const webp = (...chunks) => joined(ascii("RIFF"), new Uint8Array(4), ascii("WEBP"), ...chunks.map(bytesOf));

test("the media type follows from the first bytes", () => {
  assert.equal(typeOf(png()), null); // too short
  assert.equal(typeOf(png(pngChunk("IHDR", new Uint8Array(13)))), "image/png");
  assert.equal(typeOf(webp()), "image/webp");
  assert.equal(typeOf(joined(new Uint8Array(20))), null);
});

test("the orientation of a PNG is read in both byte orders, after other chunks", () => {
  for (let orientation = 1; orientation <= 8; orientation += 1) {
    for (const little of [true, false]) {
      const file = png(pngChunk("IHDR", new Uint8Array(13)), pngChunk("eXIf", tiff(orientation, little)));
      assert.equal(orientationOf(file), orientation);
    }
  }
});

test("the orientation of a WebP is read with and without its prefix, after a padded chunk", () => {
  for (const prefix of ["", "Exif\0\0"]) {
    const data = bytesOf(joined(ascii(prefix), tiff(6, true)));
    assert.equal(orientationOf(webp(webpChunk("VP8L", new Uint8Array(7)), webpChunk("EXIF", data))), 6);
  }
});

test("bytes of pixels that look like EXIF are no EXIF", () => {
  const data = bytesOf(pngChunk("eXIf", tiff(6, true)));
  assert.equal(orientationOf(png(pngChunk("IDAT", data))), 1);
});

test("a file that ends too early has orientation 1", () => {
  const file = png(pngChunk("eXIf", tiff(6, true)));
  assert.equal(orientationOf(new DataView(file.buffer, 0, 30)), 1);
});

test("each transform puts the stored corners onto the corners of the upright picture", () => {
  const [width, height] = [30, 20];
  // where the first pixel of the file lies in the upright picture, by EXIF's definition: [right, bottom]
  const first = { 2: [1, 0], 3: [1, 1], 4: [0, 1], 5: [0, 0], 6: [1, 0], 7: [1, 1], 8: [0, 1] };
  for (const [orientation, [right, bottom]] of Object.entries(first)) {
    const [a, b, c, d, e, f] = TRANSFORMS[orientation](width, height);
    const at = (x, y) => [a * x + c * y + e, b * x + d * y + f];
    const upright = orientation > 4 ? [height, width] : [width, height];
    assert.deepEqual(at(0, 0), [right * upright[0], bottom * upright[1]], orientation);
    assert.deepEqual(at(width, height), [(1 - right) * upright[0], (1 - bottom) * upright[1]], orientation);
    const [x] = at(width, 0);
    const swaps = x === at(0, 0)[0]; // a stored row becomes a column
    assert.equal(swaps, orientation > 4, orientation);
  }
});
