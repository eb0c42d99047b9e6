/* Points of a map on a canvas: a shape and a colour for every label, and a cross for the image that is looked at. */

import { placed } from "./camera.js";
import { h } from "./dom.js";

const SIGN = 40; // pixels of a sign in a legend
export const SIDE = 1000; // of the square that a map lies in, whatever its own units are
export const SQUARE = { width: SIDE, height: SIDE };
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#8fa8ff"]; // Okabe and Ito's, on black
const UNLABELLED = "#8b98a3";
const GROUND = "#06080a";
const EDGE = "rgb(6 8 10 / 50%)"; // so that points on top of each other can be told apart
const LIGHT = "#fff";
const POINTED = "#6ccbd9";

/**
 * Coordinates [[x, y] or [x, y, z]] as {x, y, near} in the square, y downwards, near from 0 to 1; those with three
 * dimensions as they look when turned by angles in radians.
 */
export function laid(coordinates, { yaw, pitch }) {
  const axes = (coordinates[0] ?? []).map((_, axis) =>
    coordinates.reduce(([low, high], { [axis]: at }) => [Math.min(low, at), Math.max(high, at)], [Infinity, -Infinity]),
  );
  const sides = axes.map(([low, high]) => high - low);
  const reach = 1.1 * (axes.length > 2 ? Math.hypot(...sides) : Math.max(...sides)) || 1;
  return coordinates.map((point) => {
    const [x, y, z = 0] = point.map((at, axis) => (at - (axes[axis][0] + axes[axis][1]) / 2) / reach);
    const deep = z * Math.cos(yaw) - x * Math.sin(yaw);
    const up = y * Math.cos(pitch) - deep * Math.sin(pitch);
    return {
      x: SIDE * (0.5 + x * Math.cos(yaw) + z * Math.sin(yaw)),
      y: SIDE * (0.5 - up),
      near: 0.5 + deep * Math.cos(pitch) + y * Math.sin(pitch),
    };
  });
}

/** From the square to a room seen by a camera: a function of {x, y}. */
export function onto(room, camera) {
  const { scale, left, top } = placed(SQUARE, room, camera);
  return ({ x, y }) => ({ x: left + x * scale, y: top + y * scale });
}

/** CSS pixels from a point's middle to its edge: small where there are many, larger in a large or a near view. */
const radiusOf = (count, { width }, { zoom }) =>
  Math.min(Math.max(1.5 + 40 / Math.sqrt(count), 2), 5) * Math.max(1, Math.sqrt(width / 400)) * Math.min(2, Math.sqrt(zoom));

/**
 * Paint points {x, y, near} on a dark ground. label: of each, an index or -1; off: labels not shown; camera: of the
 * square; ratio: pixels to a CSS pixel.
 */
export function cloud(pen, room, ratio, { points, label, off, camera }) {
  const at = onto(room, camera);
  const radius = radiusOf(label.length, room, camera);
  const stamps = new Map([...new Set(label)].map((kind) => [kind, stamp(kind, radius * ratio)]));
  pen.fillStyle = GROUND;
  pen.fillRect(0, 0, room.width, room.height);
  for (const place of mixed(label.length)) {
    if (off.has(label[place])) continue;
    const { x, y } = at(points[place]);
    const side = 4 * radius * (0.6 + 0.8 * points[place].near);
    pen.drawImage(stamps.get(label[place]), x - side / 2, y - side / 2, side, side);
  }
}

const LEAP = 7919; // a prime

/** 0 to count - 1, mixed up, so that no label lies on top of all others. */
function* mixed(count) {
  const leap = count % LEAP ? LEAP : 1;
  for (let step = 0; step < count; step += 1) yield (step * leap) % count;
}

/** Mark the image's own place, those next to it and the one pointed at; all points {x, y}, null or undefined for none. */
export function marks(pen, room, count, { own, nearest, pointed, camera }) {
  const at = onto(room, camera);
  const radius = radiusOf(count, room, camera);
  for (const point of nearest) if (point) ring(pen, at(point), radius + 3, LIGHT, 1.25);
  if (own) cross(pen, at(own));
  if (pointed) ring(pen, at(pointed), radius + 5, POINTED, 2.5);
}

function ring(pen, { x, y }, radius, strokeStyle, lineWidth) {
  const path = new Path2D();
  path.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(pen, { strokeStyle, lineWidth });
  pen.stroke(path);
}

const colourOf = (kind) => (kind < 0 ? UNLABELLED : COLOURS[kind % COLOURS.length]);

/** A disc, a square, a triangle or a diamond, all of about the same size. */
function mark(path, kind, { x, y }, radius) {
  const shape = Math.max(kind, 0) % 4;
  if (shape === 0) {
    path.moveTo(x + radius, y);
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

function cross(pen, { x, y }) {
  const path = new Path2D();
  path.arc(x, y, 8, 0, 2 * Math.PI);
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    path.moveTo(x + 4 * dx, y + 4 * dy);
    path.lineTo(x + 15 * dx, y + 15 * dy);
  }
  for (const [strokeStyle, lineWidth] of [["#000", 6], [LIGHT, 2.5]]) {
    Object.assign(pen, { strokeStyle, lineWidth });
    pen.stroke(path);
  }
}

/** A label's mark on a canvas four times as wide as its radius, with an edge that tells it from those beneath. */
function stamp(kind, radius) {
  const side = Math.ceil(4 * radius);
  const canvas = h("canvas", { width: side, height: side });
  const pen = canvas.getContext("2d");
  const path = new Path2D();
  mark(path, kind, { x: side / 2, y: side / 2 }, radius);
  Object.assign(pen, { fillStyle: colourOf(kind), strokeStyle: EDGE, lineWidth: Math.min(1.25, radius / 4) });
  pen.fill(path);
  pen.stroke(path);
  return canvas;
}

/** The sign of a label, or where there is none ("own") the image's, for a legend. */
export function sign(kind) {
  const canvas = h("canvas.sign", { width: SIGN, height: SIGN });
  const pen = canvas.getContext("2d");
  const middle = { x: SIGN / 2, y: SIGN / 2 };
  pen.fillStyle = GROUND;
  pen.fillRect(0, 0, SIGN, SIGN);
  if (kind === "own") cross(pen, middle);
  else pen.drawImage(stamp(kind, SIGN * 0.3), middle.x - SIGN * 0.6, middle.y - SIGN * 0.6);
  return canvas;
}
