// @ts-check
/* The zoom level of the views and its buttons. */

import { HOME, zoomedIn, zoomedOut } from "../core/camera.js";
import { h, refill } from "../core/dom.js";
import { iconButton } from "../core/fields.js";
import { t, wholePercent } from "../core/text.js";

/** @import { PageStore, Stage } from "../types.js" */

/**
 * Fill an element with the controls of a store's camera.
 * @param {PageStore} store
 * @param {HTMLElement} element
 * @param {Stage} stage
 */
export function createZoom(store, element, stage) {
  const step = (/** @type {typeof zoomedIn} */ by) => () =>
    store.set({ camera: by(stage.image(), stage.room(), store.state.camera) });
  const level = h("output.level");
  refill(
    element,
    iconButton("minus", "view.zoom.out", step(zoomedOut)),
    level,
    iconButton("plus", "view.zoom.in", step(zoomedIn)),
    iconButton("fit", "view.zoom.fit", () => store.set({ camera: HOME })),
  );
  store.on(["camera"], ({ camera }) => {
    level.textContent = wholePercent(camera.zoom);
    level.setAttribute("aria-label", t("view.zoom.level", { percent: wholePercent(camera.zoom) }));
  });
}
