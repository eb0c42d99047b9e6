// @ts-check
/* The line below the views: the position of the pointer, the colour there, and the cell size of the heatmap. */

import { coarse } from "../core/dom.js";
import { t } from "../core/text.js";
import { coversImage } from "./paint.js";
import { cellText, positionText, valueText } from "./readout.js";
import { scenesOf } from "./scenes.js";

/** @import { Announce, PageStore, Stage } from "../types.js" */

/**
 * Keep the line of a store up to date. What the keyboard points at is announced as well.
 * @param {PageStore} store
 * @param {{position: HTMLElement, cells: HTMLElement}} elements
 * @param {Stage} stage
 * @param {Announce} announce
 */
export function createStatus(store, { position, cells }, stage, announce) {
  store.on(["pointer", "answer", "current", "view"], (state) => {
    const { pointer, current, view } = state;
    const first = scenesOf(state).find((scene) => scene.map !== null);
    const idle = first ? t(coarse.matches ? "readout.touch" : "readout.idle") : "";
    position.textContent = pointer ? positionText(pointer, stage.image(), current?.bitmap ?? null) : idle;
    if (!first) {
      cells.textContent = "";
      return;
    }
    const { map, image } = first;
    const unseen = coversImage(map.region, image) ? "" : t("heatmap.region");
    cells.textContent = `${unseen} ${cellText(map)}`.trim();
    if (pointer?.spoken) announce(`${position.textContent}: ${valueText(map, pointer, view.smooth)}`);
  });
}
