import assert from "node:assert/strict";
import { test } from "node:test";
import { COLORMAPS, table } from "../../../service/api/page/stage/colormaps.js";
import { levelOf, peak, upsample, valueAt } from "../../../service/api/page/stage/heatmap.js";
import { assertClose } from "./assertions.js";

const GRID = [
  [0, 4, 8],
  [2, 6, 10],
];

test("a grid at its own size is unchanged", () => {
  assert.deepEqual([...upsample(GRID, 3, 2)], GRID.flat());
});

test("interpolation meets the cells at their centres and extends the outermost to the edge", () => {
  const wide = [...upsample([[0, 4]], 8, 1)];
  assert.deepEqual(wide, [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]);
});

test("interpolation of a plane is a plane between the outermost centres", () => {
  for (const [x, y] of [
    [0.3, 0.4],
    [0.5, 0.5],
    [0.7, 0.6],
  ]) {
    assertClose(valueAt(GRID, x, y, true), 4 * (3 * x - 0.5) + 2 * (2 * y - 0.5));
  }
});

test("without interpolation a value is that of its cell", () => {
  assert.equal(valueAt(GRID, 0, 0, false), 0);
  assert.equal(valueAt(GRID, 0.34, 0.49, false), 4);
  assert.equal(valueAt(GRID, 0.999, 0.999, false), 10);
  assert.equal(valueAt(GRID, 1, 1, false), 10);
});

test("levels run from 0 to 255; negative values and empty heatmaps are 0", () => {
  assert.deepEqual(
    [-1, 0, 1, 2, 3].map((value) => levelOf(value, 2)),
    [0, 0, 128, 255, 255],
  );
  assert.equal(levelOf(5, 0), 0);
});

test("the peak is the centre of the strongest cell", () => {
  assertClose(peak(GRID), { value: 10, x: 5 / 6, y: 0.75 });
  assert.equal(peak([[-3, -1, -1.2]]).value, -1);
  assert.equal(peak([[0.5, 0.6]]).value, 0.6);
});

test("every colour scale has 256 colours and grows brighter", () => {
  for (const name of COLORMAPS) {
    const colours = table(name);
    assert.equal(colours.length, 3 * 256);
    const luminance = Array.from({ length: 256 }, (_, level) => {
      const [red, green, blue] = colours.subarray(3 * level, 3 * level + 3);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    });
    assert.ok(luminance[255] > luminance[128] && luminance[128] > luminance[0], name);
  }
  assert.deepEqual([...table("viridis").subarray(0, 3)], [68, 1, 84]); // matplotlib's first colour
  assert.throws(() => table("jet"), RangeError);
});
