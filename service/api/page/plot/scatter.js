// @ts-check
/* Points on a canvas: a shape and a colour for each label, and a cross for the image that is shown. */

import { clamp } from "../core/camera.js";
import { contextOf, h } from "../core/dom.js";
import { toRoom } from "./layout.js";

/** @import { Camera, PlotPoint, Point, Size } from "../types.js" */

/** @typedef {CanvasRenderingContext2D} Context */

const SYMBOL = 40; // pixels of a symbol in the legend
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#8fa8ff"]; // Okabe and Ito's, on black
const UNLABELLED = "#8b98a3";
const BACKGROUND = "#06080a";
const EDGE = "rgb(6 8 10 / 50%)"; // so that overlapping points can be told apart
const LIGHT = "#fff";
const POINTED = "#6ccbd9";

/**
 * The radius of points in CSS pixels: small where there are many, larger in a large or near view.
 * @param {number} count
 * @param {Size} room
 * @param {Camera} camera
 */
const radiusOf = (count, { width }, { zoom }) =>
  clamp(1.5 + 40 / Math.sqrt(count), 2, 5) * Math.max(1, Math.sqrt(width / 400)) * Math.min(2, Math.sqrt(zoom));

/**
 * Paint points on a dark background. labels: of each point, an index or -1; hidden: labels that are not shown; ratio:
 * device pixels per CSS pixel.
 * @param {Context} context
 * @param {Size} room
 * @param {number} ratio
 * @param {{points: PlotPoint[], labels: number[], hidden: Set<number>, camera: Camera}} plot
 */
export function paintPoints(context, room, ratio, { points, labels, hidden, camera }) {
  const at = toRoom(room, camera);
  const radius = radiusOf(labels.length, room, camera);
  const stamps = new Map([...new Set(labels)].map((label) => [label, stampOf(label, radius * ratio)]));
  context.fillStyle = BACKGROUND;
  context.fillRect(0, 0, room.width, room.height);
  for (const place of shuffled(labels.length)) {
    const stamp = stamps.get(labels[place]);
    if (!stamp || hidden.has(labels[place])) continue;
    const { x, y } = at(points[place]);
    const side = 4 * radius * (0.6 + 0.8 * points[place].near);
    context.drawImage(stamp, x - side / 2, y - side / 2, side, side);
  }
}

const STRIDE = 7919; // a prime

/**
 * 0 to count - 1 in a mixed order, so that no label lies on top of all others.
 * @param {number} count
 */
export function* shuffled(count) {
  const stride = count % STRIDE ? STRIDE : 1;
  for (let step = 0; step < count; step += 1) yield (step * stride) % count;
}

/**
 * Mark the image's own position, the points nearest to it, and the point under the pointer.
 * @param {Context} context
 * @param {Size} room
 * @param {number} count
 * @param {{own?: Point, nearest: (Point | undefined)[], pointed?: Point, camera: Camera}} marks
 */
export function paintMarks(context, room, count, { own, nearest, pointed, camera }) {
  const at = toRoom(room, camera);
  const radius = radiusOf(count, room, camera);
  for (const point of nearest) if (point) ring(context, at(point), radius + 3, LIGHT, 1.25);
  if (own) cross(context, at(own));
  if (pointed) ring(context, at(pointed), radius + 5, POINTED, 2.5);
}

/** @param {Context} context @param {Point} at @param {number} radius @param {string} colour @param {number} width */
function ring(context, { x, y }, radius, colour, width) {
  const path = new Path2D();
  path.arc(x, y, radius, 0, 2 * Math.PI);
  stroke(context, path, colour, width);
}

/** @param {Context} context @param {Path2D} path @param {string} colour @param {number} width */
function stroke(context, path, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

/** @param {number} label */
const colourOf = (label) => (label < 0 ? UNLABELLED : COLOURS[label % COLOURS.length]);

/**
 * Add the shape of a label to a path: a disc, a square, a triangle or a diamond, all of about the same size.
 * @param {Path2D} path
 * @param {number} label
 * @param {Point} at
 * @param {number} radius
 */
function addShape(path, label, { x, y }, radius) {
  const shape = Math.max(label, 0) % 4;
  if (shape === 0) {
    path.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  const corners = [0, 4, 3, 4][shape];
  const start = shape === 1 ? Math.PI / 4 : -Math.PI / 2;
  const reach = radius * (1 + shape / 12);
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = start + (2 * Math.PI * corner) / corners;
    path[corner ? "lineTo" : "moveTo"](x + reach * Math.cos(angle), y + reach * Math.sin(angle));
  }
  path.closePath();
}

/** @param {Context} context @param {Point} at */
function cross(context, { x, y }) {
  const path = new Path2D();
  path.arc(x, y, 8, 0, 2 * Math.PI);
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    path.moveTo(x + 4 * dx, y + 4 * dy);
    path.lineTo(x + 15 * dx, y + 15 * dy);
  }
  stroke(context, path, "#000", 6);
  stroke(context, path, LIGHT, 2.5);
}

/**
 * The mark of a label on a canvas four times as wide as its radius.
 * @param {number} label
 * @param {number} radius
 */
function stampOf(label, radius) {
  const side = Math.ceil(4 * radius);
  const canvas = h("canvas", { width: side, height: side });
  const context = contextOf(canvas);
  const path = new Path2D();
  addShape(path, label, { x: side / 2, y: side / 2 }, radius);
  context.fillStyle = colourOf(label);
  context.fill(path);
  stroke(context, path, EDGE, Math.min(1.25, radius / 4));
  return canvas;
}

/**
 * The symbol of a label, or of the image itself ("own"), for a legend.
 * @param {number | "own"} label
 */
export function symbol(label) {
  const canvas = h("canvas.symbol", { width: SYMBOL, height: SYMBOL });
  const context = contextOf(canvas);
  const middle = { x: SYMBOL / 2, y: SYMBOL / 2 };
  context.fillStyle = BACKGROUND;
  context.fillRect(0, 0, SYMBOL, SYMBOL);
  if (label === "own") cross(context, middle);
  else context.drawImage(stampOf(label, SYMBOL * 0.3), middle.x - SYMBOL * 0.6, middle.y - SYMBOL * 0.6);
  return canvas;
}
