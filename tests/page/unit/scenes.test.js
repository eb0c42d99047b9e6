import assert from "node:assert/strict";
import { test } from "node:test";
import { INITIAL } from "../../../service/api/page/session/state.js";
import { columnsFor, columnWidth, stackedColumns } from "../../../service/api/page/stage/columns.js";
import { coversImage } from "../../../service/api/page/stage/paint.js";
import { cellText, positionText, valueText } from "../../../service/api/page/stage/readout.js";
import {
  canShareScale,
  countHeatmaps,
  describe,
  heatmapScenes,
  ninthOf,
  remarks,
  scenesOf,
} from "../../../service/api/page/stage/scenes.js";
import { captions } from "../../../service/api/page/stage/snapshot.js";
import { answerText, drawnText } from "../../../service/api/page/stage/title.js";

const IMAGE = { width: 90, height: 60 };

const heatmap = (index, maximum, more = {}) => ({
  target: { index, label: `class_${index}`, probability: 0.6 / (index + 1) },
  grid: [
    [0, 0, 0],
    [0, 0, maximum],
  ],
  minimum: 0,
  maximum,
  empty: false,
  region: [0, 0, 90, 60],
  partial: false,
  done: 1,
  ...more,
});

function stateWith(explanations, more = {}) {
  const item = { id: 1 };
  const model = { name: "m", version: "1", weights_sha256: "0123456789abcdef", notice: "NOTICE" };
  const image = { ...IMAGE, sha256: "fedcba9876543210" };
  const answer = { item, model, image, explanations, request_id: "r-1", path: "analyze?" };
  const methods = [
    { name: "gradcam", title: "Grad-CAM", class_specific: true },
    { name: "eigencam", title: "Eigen-CAM", class_specific: false },
  ];
  return { ...INITIAL, current: item, answer, methods, ...more };
}

const explanation = (method, maps, parameters = {}) => ({ method, layer: "layer4", parameters, maps });

test("without an image there is no view; without an answer there is the image alone", () => {
  assert.deepEqual(scenesOf(INITIAL), []);
  const [image, ...others] = scenesOf({ ...INITIAL, current: { id: 1 } });
  assert.deepEqual([image.key, image.map, others.length], ["image", null, 0]);
});

test("the answer for another image is not shown", () => {
  const state = stateWith([explanation("gradcam", [heatmap(0, 1)])], { current: { id: 2 } });
  assert.deepEqual(heatmapScenes(state), []);
});

test("there is one view for each heatmap, and the image beside them in side mode", () => {
  const state = stateWith([explanation("gradcam", [heatmap(0, 1), heatmap(1, 2)])]);
  assert.deepEqual(
    scenesOf(state).map(({ key }) => key),
    ["gradcam 0", "gradcam 1"],
  );
  const side = { ...state, view: { ...state.view, mode: "side" } };
  assert.deepEqual(
    scenesOf(side).map(({ key }) => key),
    ["image", "gradcam 0", "gradcam 1"],
  );
  assert.deepEqual(
    scenesOf({ ...side, enlarged: "gradcam 1" }).map(({ key }) => key),
    ["image", "gradcam 1"],
  );
  assert.equal(countHeatmaps(state.answer), 2);
  assert.equal(countHeatmaps(null), 0);
});

test("the classes of a method share one scale by default, and each has its own on request", () => {
  const state = stateWith([explanation("gradcam", [heatmap(0, 1), heatmap(1, 2)])]);
  const scales = (one) => heatmapScenes(one).map(({ shared, maximum }) => [shared, maximum]);
  assert.deepEqual(scales(state), [
    [true, 2],
    [true, 2],
  ]);
  assert.deepEqual(scales({ ...state, view: { ...state.view, shared: false } }), [
    [false, 1],
    [false, 2],
  ]);
  assert.ok(canShareScale(state.answer));
});

test("raw values of several methods are not compared: each heatmap has its own scale", () => {
  const state = stateWith([explanation("gradcam", [heatmap(0, 1)]), explanation("eigencam", [heatmap(0, 9)])]);
  const scales = heatmapScenes(state).map(({ shared, maximum }) => [shared, maximum]);
  assert.deepEqual(scales, [
    [false, 1],
    [false, 9],
  ]);
  assert.ok(!canShareScale(state.answer) && !canShareScale(null));
});

test("the most probable class comes first, in whatever order the classes were chosen", () => {
  const state = stateWith([explanation("gradcam", [heatmap(2, 1), heatmap(0, 2), heatmap(1, 3)])]);
  assert.deepEqual(
    heatmapScenes(state).map(({ key }) => key),
    ["gradcam 0", "gradcam 1", "gradcam 2"],
  );
});

const PREDICTIONS = [0, 1, 2].map((index) => heatmap(index, 1).target);

test("the title always has the model's answer", () => {
  const answer = { predictions: PREDICTIONS };
  assert.equal(answerText(answer, null), "Model’s answer: class 0 60.0\u00a0%");
  const details = { labels: ["class_0", "class_1"], operating_point: 0.25 };
  const text = "Model’s answer: class 0 60.0\u00a0% (at the operating point of 25.0\u00a0%: class 1)";
  assert.equal(answerText(answer, details), text);
  assert.equal(answerText(answer, { ...details, operating_point: 0.35 }), answerText(answer, null));
  assert.equal(answerText(answer, { ...details, labels: ["a", "b", "c"] }), answerText(answer, null));
});

test("the title names what is drawn where it is not the answer", () => {
  const drawn = (maps, parameters) =>
    drawnText({ predictions: PREDICTIONS, explanations: [explanation("gradcam", maps, parameters)] });
  assert.equal(drawn([heatmap(0, 1)]), "");
  assert.equal(drawn([heatmap(1, 1)]), "Heatmap for another class: class 1 30.0\u00a0%");
  assert.equal(drawn([heatmap(0, 1), heatmap(1, 1)]), "Heatmaps for 2 classes");
  const pair = drawn([heatmap(0, 1)], { versus: ["class_1"] });
  assert.equal(pair, "Heatmap for a comparison: class 0 versus class 1");
  assert.equal(drawnText({ predictions: PREDICTIONS, explanations: [] }), "");
});

test("a view is named after its class, or after its method where methods are compared", () => {
  const maps = [heatmap(0, 1)];
  const [one] = heatmapScenes(stateWith([explanation("gradcam", maps)]));
  assert.deepEqual([one.first, one.second], ["class 0", "60.0\u00a0% · Grad-CAM"]);
  const [first] = heatmapScenes(stateWith([explanation("gradcam", maps), explanation("eigencam", maps)]));
  assert.deepEqual([first.first, first.second], ["Grad-CAM", ""]); // the title has the class
  const [pair] = heatmapScenes(stateWith([explanation("gradcam", maps, { versus: ["class_1"] })]));
  assert.equal(pair.title, "class 0 versus class 1");
});

test("the description names the ninth of the image with the peak", () => {
  const [scene] = heatmapScenes(stateWith([explanation("gradcam", [heatmap(0, 2)])]));
  const text =
    "Grad-CAM at layer layer4 for class 0, 60.0\u00a0%: strongest in the lower right of the image, raw maximum 2";
  assert.equal(describe(scene), text);
  assert.equal(ninthOf({ grid: [[1]], region: [0, 0, 90, 60] }, IMAGE), 4);
  assert.equal(ninthOf({ grid: [[1]], region: [0, 0, 30, 20] }, IMAGE), 0);
  assert.equal(ninthOf({ grid: [[1]], region: [60, 20, 90, 40] }, IMAGE), 5);
  const letterbox = { grid: [[9], [1], [2], [8]], region: /** @type {Box} */ ([0, -60, 90, 120]) }; // rows of 45 pixels
  assert.equal(ninthOf(letterbox, IMAGE), 7, "the strongest cell in the image, not in the padding");
});

test("remarks warn of empty, partial, classless and insensitive heatmaps", () => {
  const details = { sanity: { changed: { eigencam: false } } };
  const maps = [heatmap(0, 0, { empty: true, partial: true, done: 0.254 })];
  const [scene] = heatmapScenes(stateWith([explanation("eigencam", maps)], { details }));
  assert.deepEqual(remarks(scene), [
    "No positive values: no evidence for this class.",
    "Incomplete: the time limit ended the computation at 25\u00a0%.",
    "The same for every class.",
    "Insensitive to the model’s weights.",
  ]);
  const [good] = heatmapScenes(stateWith([explanation("gradcam", [heatmap(0, 1)])], { details }));
  assert.deepEqual(remarks(good), []);
});

test("the readout gives the raw value, its share of the maximum, and what the model has not seen", () => {
  const map = { grid: [[4, -1]], region: [10, 0, 50, 20], maximum: 4 };
  assert.equal(valueText(map, { x: 12, y: 3 }, false), "4 (100\u00a0% of the maximum)");
  assert.equal(valueText(map, { x: 45, y: 3 }, false), "-1 (against)");
  assert.equal(valueText(map, { x: 9, y: 3 }, false), "not seen by the model");
  assert.equal(valueText({ ...map, grid: [[0]], maximum: 0 }, { x: 12, y: 3 }, false), "0");
  assert.equal(cellText(map), "Heatmap cells: 20 × 20 px.");
  assert.equal(positionText({ x: 3.6, y: 59 }, IMAGE, null), "x 4, y 59 px");
  assert.equal(positionText({ x: -1, y: 0 }, IMAGE, null), "outside the image");
});

test("a region covers the image up to half a pixel", () => {
  assert.equal(coversImage([0.4, 0, 90, 59.6], IMAGE), true);
  assert.equal(coversImage([0.6, 0, 90, 60], IMAGE), false);
});

test("views stand in the number of columns that makes them largest", () => {
  const square = { width: 100, height: 100 };
  assert.equal(columnsFor(1, { width: 900, height: 300 }, square), 1);
  assert.equal(columnsFor(3, { width: 900, height: 300 }, square), 3);
  assert.equal(columnsFor(3, { width: 300, height: 900 }, square), 1);
  assert.equal(columnsFor(4, { width: 800, height: 860 }, square), 2);
  assert.equal(stackedColumns(4, { width: 380, height: 9 }), 2);
  assert.equal(stackedColumns(9, { width: 820, height: 9 }), 3); // not 4, 4 and 1
  assert.equal(stackedColumns(1, { width: 3000, height: 9 }), 1);
  assert.equal(stackedColumns(4, { width: 100, height: 9 }), 1);
});

test("all columns have the same whole number of pixels, and fit", () => {
  for (const columns of [1, 2, 3, 4, 7]) {
    const width = columnWidth(columns, { width: 1001 });
    assert.ok(Number.isInteger(width));
    const used = columns * width + (columns - 1) * 10 + 20;
    assert.ok(used <= 1001 && used > 1001 - columns, `${columns} columns`);
  }
});

test("the captions of a saved picture carry the answer, the notice, how to read it, and its origin", () => {
  const { answer: shown } = stateWith([explanation("gradcam", [heatmap(1, 1), heatmap(2, 2)])]);
  const answer = { ...shown, status: "ok", predictions: PREDICTIONS };
  assert.deepEqual(captions(answer, { shared: false }, null), [
    { text: "Model’s answer: class 0 60.0\u00a0%. Heatmaps for 2 classes", bold: true },
    { text: "NOTICE", bold: true },
    {
      text: "A heatmap shows where the model looked, not where disease is. Each heatmap is scaled to its own maximum.",
    },
    { text: "Fovea · model m 1 · weights 0123456789ab · gradcam · layer layer4" },
    { text: "image SHA-256 fedcba987654 · request r-1" },
  ]);
});
