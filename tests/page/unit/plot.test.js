import assert from "node:assert/strict";
import { test } from "node:test";
import { HOME } from "../../../service/api/page/core/camera.js";
import { distances, freestCorner, layOut, SIDE, toRoom } from "../../../service/api/page/plot/layout.js";
import { countLabels } from "../../../service/api/page/plot/legend.js";
import { shuffled } from "../../../service/api/page/plot/scatter.js";
import { assertClose } from "./assertions.js";

const FRONT = { yaw: 0, pitch: 0 };
const SQUARE = [
  [0, 0],
  [10, 0],
  [0, 10],
];

test("coordinates fill the square with a margin, y upwards", () => {
  const [origin, right, top] = layOut(SQUARE, FRONT);
  assertClose(right.x - origin.x, SIDE / 1.1);
  assertClose(origin.y - top.y, SIDE / 1.1);
  assertClose(origin.y, right.y);
  assertClose((origin.x + right.x) / 2, SIDE / 2);
});

test("units and offset of the coordinates make no difference", () => {
  const moved = SQUARE.map((point) => point.map((at) => 300 * at - 7000));
  assertClose(layOut(moved, FRONT), layOut(SQUARE, FRONT), 1e-6);
});

test("one point, or none, is no division by zero", () => {
  assert.deepEqual(layOut([[5, 5]], FRONT), [{ x: SIDE / 2, y: SIDE / 2, near: 0.5 }]);
  assert.deepEqual(layOut([], FRONT), []);
});

test("rotation keeps distances in space, and stays within the square", () => {
  const cloud = [
    [0, 0, 0],
    [3, 1, 2],
    [-4, 2, 5],
    [1, -6, 2],
  ];
  const inSpace = ({ x, y, near }) => [x / SIDE, -y / SIDE, near];
  const between = (points) => Math.hypot(...points[1].map((at, axis) => at - points[2][axis]));
  const front = layOut(cloud, FRONT);
  const turned = layOut(cloud, { yaw: 0.7, pitch: -1.2 });
  assertClose(between(turned.map(inSpace)), between(front.map(inSpace)));
  for (const { x, y } of turned) assert.ok(x >= 0 && x <= SIDE && y >= 0 && y <= SIDE);
  assert.notDeepEqual(front, turned);
});

test("a quarter turn brings the depth to the side", () => {
  const [back, front] = layOut(
    [
      [0, 0, -1],
      [0, 0, 1],
    ],
    { yaw: Math.PI / 2, pitch: 0 },
  );
  assertClose(front.x - back.x, SIDE / 1.1);
  assertClose(front.near, back.near);
});

test("the square fits into the view at zoom 1", () => {
  const toView = toRoom({ width: 500, height: 250 }, HOME);
  assertClose(toView({ x: 0, y: 0 }), { x: 125, y: 0 });
  assertClose(toView({ x: SIDE, y: SIDE }), { x: 375, y: 250 });
});

test("distances skip hidden labels", () => {
  const points = [
    { x: 0, y: 0 },
    { x: 3, y: 4 },
    { x: 6, y: 8 },
  ];
  assert.deepEqual(distances(points, [0, 1, 0], new Set([0]), { x: 0, y: 0 }), [[5, 1]]);
  assert.equal(distances(points, [0, 1, 0], new Set(), { x: 0, y: 0 }).length, 3);
});

test("the bubble stands in the corner that covers least", () => {
  const room = { width: 100, height: 100 };
  const box = { width: 30, height: 30 };
  const corner = (points, weight = () => 1) => freestCorner(points, weight, room, box);
  assert.deepEqual(corner([]), { right: true, low: false });
  assert.deepEqual(corner([{ x: 90, y: 10 }]), { right: false, low: false });
  const all = [
    { x: 90, y: 10 },
    { x: 10, y: 10 },
    { x: 90, y: 90 },
    { x: 10, y: 90 },
  ];
  assert.deepEqual(
    corner(all, (place) => (place === 3 ? 1 : 2)),
    { right: false, low: true },
  );
});

test("labels are counted in their order, unlabelled points last", () => {
  const projection = { labels: ["a", "b", "c"], points: { label: [2, 0, -1, 2] } };
  assert.deepEqual(countLabels(projection), [
    [0, 1],
    [2, 2],
    [-1, 1],
  ]);
});

test("every point is painted once, in a mixed order", () => {
  for (const count of [0, 1, 12, 7919]) {
    const order = [...shuffled(count)];
    assert.deepEqual(
      order.toSorted((one, other) => one - other),
      [...Array(count).keys()],
    );
  }
  assert.notDeepEqual([...shuffled(12)], [...Array(12).keys()]);
});
