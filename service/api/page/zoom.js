/* How near the views are. */

import { HOME, farther, nearer } from "./camera.js";
import { h, icon, refill } from "./dom.js";
import { roughly, t } from "./words.js";

/** Fill an element with the controls of a store's camera. stage: stage.js, which knows how large the views are. */
export function createZoom(store, element, stage) {
  const step = (by) => () => store.set({ camera: by(stage.image(), stage.room(), store.state.camera) });
  const level = h("output.level");
  refill(
    element,
    button("minus", "view.zoom.out", step(farther)),
    level,
    button("plus", "view.zoom.in", step(nearer)),
    button("fit", "view.zoom.fit.title", () => store.set({ camera: HOME })),
  );
  store.on(["camera"], ({ camera }) => {
    level.textContent = roughly(camera.zoom);
    level.setAttribute("aria-label", t("view.zoom.level", { percent: roughly(camera.zoom) }));
  });
}

function button(name, key, act) {
  return h("button.ghost", { title: t(key), "aria-label": t(key), onclick: act }, icon(name));
}
