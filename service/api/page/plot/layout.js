// @ts-check
/* From the coordinates of a projection to points of a plot. */

import { placement } from "../core/camera.js";

/** @import { Camera, PlotPoint, Point, Rotation, Size } from "../types.js" */

export const SIDE = 1000; // of the square that holds all points, whatever the units of the projection
export const SQUARE = { width: SIDE, height: SIDE };

/**
 * Coordinates [x, y] or [x, y, z] as points in the square, y downwards. Three dimensions are rotated first.
 * @param {number[][]} coordinates
 * @param {Rotation} rotation
 * @returns {PlotPoint[]}
 */
export function layOut(coordinates, { yaw, pitch }) {
  const ranges = (coordinates[0] ?? []).map((_, axis) => rangeOf(coordinates, axis));
  const sides = ranges.map(([low, high]) => high - low);
  const extent = 1.1 * (ranges.length > 2 ? Math.hypot(...sides) : Math.max(...sides)) || 1;
  return coordinates.map((point) => {
    const [x, y, z = 0] = point.map((at, axis) => (at - (ranges[axis][0] + ranges[axis][1]) / 2) / extent);
    const depth = z * Math.cos(yaw) - x * Math.sin(yaw);
    const up = y * Math.cos(pitch) - depth * Math.sin(pitch);
    return {
      x: SIDE * (0.5 + x * Math.cos(yaw) + z * Math.sin(yaw)),
      y: SIDE * (0.5 - up),
      near: 0.5 + depth * Math.cos(pitch) + y * Math.sin(pitch),
    };
  });
}

/** @param {number[][]} coordinates @param {number} axis @returns {[low: number, high: number]} */
function rangeOf(coordinates, axis) {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { [axis]: at } of coordinates) [low, high] = [Math.min(low, at), Math.max(high, at)];
  return [low, high];
}

/**
 * A function from points of the square to points of a view.
 * @param {Size} room
 * @param {Camera} camera
 * @returns {(point: Point) => Point}
 */
export function toRoom(room, camera) {
  const { scale, left, top } = placement(SQUARE, room, camera);
  return ({ x, y }) => ({ x: left + x * scale, y: top + y * scale });
}

/**
 * The distance of each visible point from a spot, as [distance, place].
 * @param {Point[]} points of the view
 * @param {number[]} labels of the points
 * @param {Set<number>} hidden labels
 * @param {Point} spot
 * @returns {[distance: number, place: number][]}
 */
export function distances(points, labels, hidden, spot) {
  return labels.flatMap((label, place) => {
    const { x, y } = points[place];
    return hidden.has(label) ? [] : [/** @type {[number, number]} */ ([Math.hypot(x - spot.x, y - spot.y), place])];
  });
}

/** @typedef {{right: boolean, low: boolean}} Corner */

/** @type {Corner[]} the preferred ones first */
const CORNERS = [
  { right: true, low: false },
  { right: false, low: false },
  { right: true, low: true },
  { right: false, low: true },
];

/**
 * The corner of a view where a box covers the least.
 * @param {Point[]} points of the view
 * @param {(place: number) => number} weight of a point
 * @param {Size} room
 * @param {Size} box
 */
export function freestCorner(points, weight, room, box) {
  const covered = CORNERS.map(({ right, low }) => {
    const isUnder = (/** @type {Point} */ { x, y }) =>
      (right ? room.width - x : x) < box.width && (low ? room.height - y : y) < box.height;
    return points.reduce((sum, point, place) => (isUnder(point) ? sum + weight(place) : sum), 0);
  });
  return CORNERS[covered.indexOf(Math.min(...covered))];
}
