/* Taking an answer away: the view as a picture with legend and notice, the answer as JSON, and the curl command. */

import { scaleCanvas } from "./colormaps.js";
import { download, h } from "./dom.js";
import { paint } from "./paint.js";
import { curl } from "./question.js";
import { number, t } from "./words.js";

const MOST = 6000; // pixels of the longer side of a saved picture
const MARGIN = 16;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** What saves the answer of a store. */
export function createSaving(store, stage, say) {
  const mine = () => (store.state.answer?.item === store.state.current ? store.state.answer : null);

  /** A name for a file: the model and the image's digest, never the image's own name, which may be a patient's. */
  const name = (answer, ending) => `fovea-${answer.model.name}-${answer.image.sha256.slice(0, 8)}.${ending}`;

  function give(blob, filename) {
    download(blob, filename);
    say(t("export.saved", { name: filename }));
  }

  async function png() {
    const answer = mine();
    if (!answer) return;
    const canvas = sheet(answer, stage, store.state.view);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    give(blob, name(answer, "png"));
  }

  function json() {
    const answer = mine();
    if (answer) give(new Blob([answer.text], { type: "application/json" }), name(answer, "json"));
  }

  async function copy(field) {
    const answer = mine();
    if (!answer) return;
    try {
      await navigator.clipboard.writeText(curl(answer.path, answer.item.name));
      say(t("details.repeat.copied"), true);
    } catch {
      field?.select(); // without https browsers keep the clipboard to themselves
      say(t("details.repeat.manual"), true);
    }
  }

  return { png, json, copy };
}

/** The picture that is saved: every view with its legend, and below them what a reader must know. */
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

function drawView(pen, ratio, { x, y, width }, { canvas, scene }, stage, look) {
  const room = { width: canvas.clientWidth, height: canvas.clientHeight };
  pen.textBaseline = "top";
  pen.font = `600 13px ${FONT}`;
  pen.fillStyle = "#eef2f5";
  pen.fillText(scene.first, x, y, width);
  const beside = x + pen.measureText(scene.first).width + 10;
  pen.font = `400 12px ${FONT}`;
  pen.fillStyle = "#9fb0bd";
  if (beside < x + width - 20) pen.fillText(scene.second, beside, y + 1, x + width - beside);
  const own = document.createElement("canvas");
  own.width = Math.round(room.width * ratio);
  own.height = Math.round(room.height * ratio);
  paint(own.getContext("2d"), room, ratio, stage.sceneToPaint(scene));
  pen.drawImage(own, x, y + 22, room.width, room.height);
  if (scene.map && look.mode !== "image") drawScale(pen, scene, look, x, y + 28 + room.height, room.width);
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
  const what = explanations.map(({ method, layer }) => t("export.what", { method, layer }));
  const name = t("export.model", { name: model.name, version: model.version, weights: model.weights_sha256.slice(0, 12) });
  return [
    model.notice && { text: model.notice, bold: true },
    { text: `${t("notice.reading")}${maps > 1 ? ` ${t(look.shared ? "export.shared" : "export.each")}` : ""}` },
    { text: `Fovea · ${name} · ${[...new Set(what)].join("; ")}` },
    { text: t("export.image", { sha: image.sha256.slice(0, 12), request }) },
  ].filter(Boolean);
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
