import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clamp,
  HOME,
  panned,
  placement,
  STEP,
  toImage,
  toView,
  zoomed,
  zoomedIn,
  zoomedOut,
} from "../../../service/api/page/core/camera.js";
import { assertClose } from "./assertions.js";

const IMAGE = { width: 400, height: 200 };
const VIEW = { width: 300, height: 300 };

test("clamp keeps a value within its bounds", () => {
  assert.deepEqual(
    [-1, 3, 9].map((value) => clamp(value, 0, 5)),
    [0, 3, 5],
  );
});

test("zoom 1 fits the image into the middle of the view", () => {
  assert.deepEqual(placement(IMAGE, VIEW, HOME), { scale: 0.75, left: 0, top: 75 });
});

test("toImage and toView are inverse to each other", () => {
  const camera = { zoom: 3.7, x: 0.31, y: 0.62 };
  for (const point of [
    { x: 0, y: 0 },
    { x: 123.4, y: 56.7 },
    { x: 400, y: 200 },
  ]) {
    assertClose(toImage(IMAGE, VIEW, camera, toView(IMAGE, VIEW, camera, point)), point);
  }
});

test("zooming keeps what lies under the pointer", () => {
  const start = { zoom: 2, x: 0.5, y: 0.5 };
  const pointer = { x: 140, y: 160 };
  const next = zoomed(IMAGE, VIEW, start, 1.6, pointer);
  assert.equal(next.zoom, 3.2);
  assertClose(toImage(IMAGE, VIEW, next, pointer), toImage(IMAGE, VIEW, start, pointer));
});

test("zoom lies between the whole image and 40 CSS pixels per pixel", () => {
  assert.equal(zoomed(IMAGE, VIEW, HOME, 0.1).zoom, 1);
  const nearest = zoomed(IMAGE, VIEW, HOME, 1e6);
  assertClose(placement(IMAGE, VIEW, nearest).scale, 40);
});

test("zooming in and out again is no change", () => {
  const start = { zoom: 4, x: 0.4, y: 0.6 };
  assert.equal(zoomedIn(IMAGE, VIEW, start).zoom, 4 * STEP);
  assertClose(zoomedOut(IMAGE, VIEW, zoomedIn(IMAGE, VIEW, start)), start);
});

test("panning moves the image by CSS pixels", () => {
  const start = { zoom: 4, x: 0.5, y: 0.5 };
  const next = panned(IMAGE, VIEW, start, 30, -12);
  const before = toView(IMAGE, VIEW, start, { x: 200, y: 100 });
  const after = toView(IMAGE, VIEW, next, { x: 200, y: 100 });
  assertClose({ x: after.x - before.x, y: after.y - before.y }, { x: 30, y: -12 });
});

test("panning stops at the edges of the image", () => {
  const next = panned(IMAGE, VIEW, { zoom: 4, x: 0.5, y: 0.5 }, 1e6, 1e6);
  assertClose(toView(IMAGE, VIEW, next, { x: 0, y: 0 }), { x: 0, y: 0 });
});

test("an image smaller than the view stays in its middle", () => {
  assert.deepEqual(panned(IMAGE, VIEW, HOME, 50, 50), HOME);
});
