// @ts-check
/* The picture that is saved: the views as shown, each with its legend, and below them what a reader must know. */

import { contextOf, h } from "../core/dom.js";
import { number, t } from "../core/text.js";
import { scaleCanvas } from "./colormaps.js";
import { paint } from "./paint.js";
import { canShareScale, countHeatmaps } from "./scenes.js";
import { answerText, drawnText } from "./title.js";

/** @import { Explanation, ModelDetails } from "../api.js" */
/** @import { Answer, HeatmapScene, Point, Scene, Size, Stage, State, View, ViewElements } from "../types.js" */

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {{text: string, bold?: boolean}} Line */

const LARGEST = 6000; // pixels of the longer side
const MARGIN = 16;
const LINE_HEIGHT = 19;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/**
 * A canvas with every view of an answer.
 * @param {Answer} answer
 * @param {Stage} stage
 * @param {Pick<State, "view" | "details">} state
 */
export function snapshot(answer, stage, { view, details }) {
  const views = stage.views();
  const bounds = views.map(({ figure }) => figure.getBoundingClientRect());
  const left = Math.min(...bounds.map((box) => box.left));
  const top = Math.min(...bounds.map((box) => box.top));
  const width = Math.max(...bounds.map((box) => box.right)) - left + 2 * MARGIN;
  const height = Math.max(...bounds.map((box) => box.bottom)) - top + 2 * MARGIN;
  const lines = wrapped(captions(answer, view, details), width - 2 * MARGIN);
  const total = height + lines.length * LINE_HEIGHT + MARGIN;
  const ratio = Math.min(Math.max(2, window.devicePixelRatio), LARGEST / Math.max(width, total));
  const canvas = h("canvas", { width: Math.round(width * ratio), height: Math.round(total * ratio) });
  const context = contextOf(canvas);
  context.scale(ratio, ratio);
  context.fillStyle = "#101418";
  context.fillRect(0, 0, width, total);
  views.forEach((one, place) => {
    const box = bounds[place];
    const at = { x: box.left - left + MARGIN, y: box.top - top + MARGIN };
    drawView(context, ratio, at, box.width, one, stage, view);
  });
  lines.forEach(({ text, bold }, line) => {
    context.font = fontOf(bold);
    context.fillStyle = bold ? "#f6d58a" : "#c3ced6";
    context.textBaseline = "top";
    context.fillText(text, MARGIN, height + line * LINE_HEIGHT);
  });
  return canvas;
}

/** @param {boolean} [bold] */
const fontOf = (bold) => `${bold ? 600 : 400} 13px ${FONT}`;

/**
 * @param {Context} context
 * @param {number} ratio
 * @param {Point} at
 * @param {number} width
 * @param {ViewElements} elements
 * @param {Stage} stage
 * @param {View} view
 */
function drawView(context, ratio, { x, y }, width, { figure, canvas, scene }, stage, view) {
  const room = { width: canvas.clientWidth, height: canvas.clientHeight };
  const below = canvas.getBoundingClientRect().top - figure.getBoundingClientRect().top;
  drawName(context, { x, y }, width, stage.views().length > 1, scene);
  const own = h("canvas", { width: Math.round(room.width * ratio), height: Math.round(room.height * ratio) });
  paint(contextOf(own), room, ratio, stage.painting(scene));
  context.drawImage(own, x, y + below, room.width, room.height);
  if (scene.map && view.mode !== "image") {
    drawScale(context, scene, view, { x, y: y + below + room.height + 6 }, room);
  }
}

/**
 * The name of a view: in two lines where there are several views.
 * @param {Context} context
 * @param {Point} at
 * @param {number} width
 * @param {boolean} stacked
 * @param {Scene} scene
 */
function drawName(context, { x, y }, width, stacked, { first, second }) {
  context.textBaseline = "top";
  context.font = fontOf(true);
  context.fillStyle = "#eef2f5";
  context.fillText(shortened(context, first, width), x, y);
  const beside = context.measureText(first).width + 10;
  context.font = `400 12px ${FONT}`;
  context.fillStyle = "#9fb0bd";
  if (stacked) context.fillText(shortened(context, second, width), x, y + 17);
  else if (beside < width) context.fillText(shortened(context, second, width - beside), x + beside, y + 1);
}

/** @param {Context} context @param {string} text @param {number} width */
function shortened(context, text, width) {
  let length = text.length;
  const cut = () => (length < text.length ? `${text.slice(0, length).trimEnd()}…` : text);
  while (length > 0 && context.measureText(cut()).width > width) length -= 1;
  return cut();
}

/** @param {Context} context @param {HeatmapScene} scene @param {View} view @param {Point} at @param {Size} room */
function drawScale(context, scene, view, { x, y }, room) {
  const maximum = `${number(Math.max(0, scene.maximum))} · ${t(scene.shared ? "heatmap.shared" : "heatmap.own")}`;
  context.font = `400 11px ${FONT}`;
  context.fillStyle = "#c3ced6";
  const length = Math.min(180, room.width - context.measureText(maximum).width - 24);
  context.fillText("0", x, y);
  context.drawImage(scaleCanvas(view.colormap), x + 12, y + 2, length, 9);
  context.fillText(maximum, x + 18 + length, y);
}

/**
 * The lines below the views: the model's answer, the notice, how to read a heatmap, and the origin of the answer.
 * @param {Answer} answer
 * @param {Pick<View, "shared">} view
 * @param {Pick<ModelDetails, "operating_point" | "labels"> | null} details
 * @returns {Line[]}
 */
export function captions(answer, { shared }, details) {
  const { model, image, request_id: request, explanations } = answer;
  const weights = model.weights_sha256.slice(0, 12);
  const name = t("export.model", { name: model.name, version: model.version, weights });
  const scaling = countHeatmaps(answer) > 1 ? t(shared && canShareScale(answer) ? "export.shared" : "export.each") : "";
  const answered = answer.status === "ok" ? `${answerText(answer, details)}. ${drawnText(answer)}`.trim() : "";
  return [
    { text: answered, bold: true },
    { text: model.notice, bold: true },
    { text: `${t("notice.reading")} ${scaling}`.trim() },
    { text: `${t("app.title")} · ${name} · ${methodsByLayer(explanations)}` },
    { text: t("export.image", { sha: image.sha256.slice(0, 12), request }) },
  ].filter(({ text }) => text);
}

/**
 * Each layer once, with its methods.
 * @param {Explanation[]} explanations
 */
function methodsByLayer(explanations) {
  const layers = [...new Set(explanations.map(({ layer }) => layer))];
  const at = (/** @type {string} */ layer) => explanations.filter((one) => one.layer === layer);
  const names = (/** @type {string} */ layer) => at(layer).map(({ method }) => method);
  return layers.map((layer) => t("export.what", { method: names(layer).join(", "), layer })).join("; ");
}

/**
 * Lines of text broken at blanks.
 * @param {Line[]} lines
 * @param {number} width
 * @returns {Line[]}
 */
function wrapped(lines, width) {
  const context = contextOf(h("canvas"));
  return lines.flatMap(({ text, bold }) => {
    context.font = fontOf(bold);
    const rows = [""];
    for (const word of text.split(" ")) {
      const last = rows[rows.length - 1];
      const longer = `${last} ${word}`.trim();
      if (last && context.measureText(longer).width > width) rows.push(word);
      else rows[rows.length - 1] = longer;
    }
    return rows.map((row) => ({ text: row, bold }));
  });
}
