/* Points of a map on a canvas: a shape and a colour for every label, and a cross for the image that is looked at. */

import { placed } from "./camera.js";

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
  const axes = coordinates[0].map((_, axis) =>
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

/**
 * Paint points {x, y, near}. label: of each, an index or -1; off: labels not shown; own: the image's point or null;
 * nearest: indexes of points beside it; at: the index pointed at, or null; camera: camera.js, of the square.
 */
export function scatter(pen, room, { points, label, off, own, nearest, at, camera }) {
  const { scale, left, top } = placed(SQUARE, room, camera);
  const onto = ({ x, y, near }) => ({ x: left + x * scale, y: top + y * scale, near });
  const radius = Math.min(Math.max(1.5 + 40 / Math.sqrt(points.length), 2), 5) * grown(room, camera);
  pen.fillStyle = GROUND;
  pen.fillRect(0, 0, room.width, room.height);
  for (const kind of new Set(label)) {
    if (off.has(kind)) continue;
    const path = new Path2D();
    points.forEach((point, place) => label[place] === kind && mark(path, kind, onto(point), radius * (0.6 + 0.8 * point.near)));
    pen.fillStyle = colourOf(kind);
    pen.fill(path);
    Object.assign(pen, { strokeStyle: EDGE, lineWidth: 0.75 });
    pen.stroke(path);
  }
  for (const place of nearest) if (points[place]) ring(pen, onto(points[place]), radius + 3, LIGHT, 1.25);
  if (own) cross(pen, onto(own));
  if (points[at]) ring(pen, onto(points[at]), radius + 5, POINTED, 2.5);
}

/** How much larger points are in a large or a near view. */
const grown = ({ width }, { zoom }) => Math.max(1, Math.sqrt(width / 400)) * Math.min(2, Math.sqrt(zoom));

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

/** The sign of a label, or where there is none ("own") the image's, for a legend. */
export function sign(kind) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 40, height: 40, className: "sign" });
  const pen = canvas.getContext("2d");
  pen.fillStyle = GROUND;
  pen.fillRect(0, 0, 40, 40);
  if (kind === "own") cross(pen, { x: 20, y: 20 });
  else {
    const path = new Path2D();
    mark(path, kind, { x: 20, y: 20 }, 11);
    pen.fillStyle = colourOf(kind);
    pen.fill(path);
  }
  return canvas;
}
