/* The picture that is saved: the views as they are, each with its legend, and below them what a reader must know. */

import { scaleCanvas } from "./colormaps.js";
import { h } from "./dom.js";
import { paint } from "./paint.js";
import { number, t } from "./words.js";

const MOST = 6000; // pixels of the longer side
const MARGIN = 16;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** A canvas of every view of an answer. stage: stage.js. look: the store's view. */
export function sheet(answer, stage, look) {
  const views = stage.views();
  const bounds = views.map(({ figure }) => figure.getBoundingClientRect());
  const left = Math.min(...bounds.map((box) => box.left));
  const top = Math.min(...bounds.map((box) => box.top));
  const width = Math.max(...bounds.map((box) => box.right)) - left + 2 * MARGIN;
  const height = Math.max(...bounds.map((box) => box.bottom)) - top + 2 * MARGIN;
  const words = wrapped(captions(answer, look), width - 2 * MARGIN);
  const tall = height + words.length * 19 + MARGIN;
  const ratio = Math.min(Math.max(2, window.devicePixelRatio), MOST / Math.max(width, tall));
  const canvas = h("canvas", { width: Math.round(width * ratio), height: Math.round(tall * ratio) });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = "#101418";
  pen.fillRect(0, 0, width, tall);
  views.forEach((view, place) => {
    const box = bounds[place];
    drawView(pen, ratio, { x: box.left - left + MARGIN, y: box.top - top + MARGIN, width: box.width }, view, stage, look);
  });
  words.forEach(({ text, bold }, line) => {
    pen.font = `${bold ? 600 : 400} 13px ${FONT}`;
    pen.fillStyle = bold ? "#f6d58a" : "#c3ced6";
    pen.textBaseline = "top";
    pen.fillText(text, MARGIN, height + line * 19);
  });
  return canvas;
}

function drawView(pen, ratio, { x, y, width }, { figure, canvas, scene }, stage, look) {
  const room = { width: canvas.clientWidth, height: canvas.clientHeight };
  const below = canvas.getBoundingClientRect().top - figure.getBoundingClientRect().top;
  drawName(pen, x, y, width, stage.views().length > 1, scene);
  const own = document.createElement("canvas");
  own.width = Math.round(room.width * ratio);
  own.height = Math.round(room.height * ratio);
  paint(own.getContext("2d"), room, ratio, stage.sceneToPaint(scene));
  pen.drawImage(own, x, y + below, room.width, room.height);
  if (scene.map && look.mode !== "image") drawScale(pen, scene, look, x, y + below + room.height + 6, room.width);
}

/** What a view is called: on two lines among several, or else one beside the other. */
function drawName(pen, x, y, width, stacked, { first, second }) {
  pen.textBaseline = "top";
  pen.font = `600 13px ${FONT}`;
  pen.fillStyle = "#eef2f5";
  pen.fillText(shortened(pen, first, width), x, y);
  const beside = pen.measureText(first).width + 10;
  pen.font = `400 12px ${FONT}`;
  pen.fillStyle = "#9fb0bd";
  if (stacked) pen.fillText(shortened(pen, second, width), x, y + 17);
  else if (beside < width) pen.fillText(shortened(pen, second, width - beside), x + beside, y + 1);
}

function shortened(pen, text, width) {
  let length = text.length;
  const cut = () => (length < text.length ? `${text.slice(0, length).trimEnd()}…` : text);
  while (length > 0 && pen.measureText(cut()).width > width) length -= 1;
  return cut();
}

function drawScale(pen, scene, look, x, y, width) {
  const highest = number(Math.max(0, scene.maximum));
  pen.font = `400 11px ${FONT}`;
  pen.fillStyle = "#c3ced6";
  const end = pen.measureText(highest).width;
  const long = Math.min(180, width - end - 24);
  pen.fillText("0", x, y);
  pen.drawImage(scaleCanvas(look.colormap), x + 12, y + 2, long, 9);
  pen.fillText(highest, x + 18 + long, y);
}

/** The lines below the views: the notice, how to read a map, and where all this came from. */
export function captions(answer, look) {
  const { model, image, request_id: request, explanations } = answer;
  const maps = explanations.reduce((sum, one) => sum + one.maps.length, 0);
  const name = t("export.model", { name: model.name, version: model.version, weights: model.weights_sha256.slice(0, 12) });
  return [
    model.notice && { text: model.notice, bold: true },
    { text: `${t("notice.reading")}${maps > 1 ? ` ${t(look.shared ? "export.shared" : "export.each")}` : ""}` },
    { text: `Fovea · ${name} · ${whatOf(explanations)}` },
    { text: t("export.image", { sha: image.sha256.slice(0, 12), request }) },
  ].filter(Boolean);
}

/** Each layer once, with the methods that looked there. */
function whatOf(explanations) {
  const layers = [...new Set(explanations.map(({ layer }) => layer))];
  const at = (layer) => explanations.filter((one) => one.layer === layer).map(({ method }) => method);
  return layers.map((layer) => t("export.what", { method: at(layer).join(", "), layer })).join("; ");
}

function wrapped(lines, width) {
  const pen = document.createElement("canvas").getContext("2d");
  return lines.flatMap(({ text, bold }) => {
    pen.font = `${bold ? 600 : 400} 13px ${FONT}`;
    const rows = [""];
    for (const word of text.split(" ")) {
      const longer = `${rows.at(-1)} ${word}`.trim();
      if (pen.measureText(longer).width > width && rows.at(-1)) rows.push(word);
      else rows[rows.length - 1] = longer;
    }
    return rows.map((row) => ({ text: row, bold }));
  });
}
