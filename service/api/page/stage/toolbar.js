// @ts-check
/* How the answer is shown: view mode, opacity and colours. None of it needs a request. */

import { h } from "../core/dom.js";
import { select } from "../core/fields.js";
import { icon } from "../core/icons.js";
import { t, wholePercent } from "../core/text.js";
import { COLORMAPS, scaleCanvas } from "./colormaps.js";
import { canShareScale } from "./scenes.js";

/** @import { PageStore, View, ViewMode } from "../types.js" */

/** @type {ViewMode[]} */
export const MODES = ["overlay", "image", "heatmap", "side", "swipe"];

/** @type {("boxes" | "smooth" | "shared")[]} */
const SWITCHES = ["boxes", "smooth", "shared"];

/** @param {PageStore} store @param {HTMLElement} element */
export function createToolbar(store, element) {
  const change = (/** @type {Partial<View>} */ patch) => store.update("view", patch);
  const modes = MODES.map((mode) => modeButton(mode, () => change({ mode })));
  const switches = SWITCHES.map((name) => switchButton(name, () => change({ [name]: !store.state.view[name] })));
  const slider = h("input", { type: "range", id: "strength", min: 0, max: 100, step: 1 });
  const sliderLabel = h("label", { htmlFor: "strength" });
  const sliderOutput = h("output", { htmlFor: "strength" });
  slider.addEventListener("input", () => change(sliderPatch(slider.valueAsNumber / 100, store.state.view.mode)));
  const colours = select("colormap", COLORMAPS, store.state.view.colormap, String, (colormap) => change({ colormap }));
  colours.title = t("view.colormap");
  colours.setAttribute("aria-label", t("view.colormap"));
  const swatch = h("span.swatch", { "aria-hidden": "true" });
  element.append(
    h("div.segments", { role: "group", "aria-label": t("mode.label") }, modes),
    h("div.slider", sliderLabel, slider, sliderOutput),
    h("div.colours", swatch, colours),
    h("div.switches", switches),
  );

  store.on(["view"], ({ view }) => {
    modes.forEach((button, place) => {
      button.setAttribute("aria-pressed", String(MODES[place] === view.mode));
    });
    switches.forEach((button, place) => {
      button.setAttribute("aria-pressed", String(view[SWITCHES[place]]));
    });
    const share = sliderShare(view);
    slider.value = String(Math.round(100 * share));
    slider.disabled = view.mode === "image" || view.mode === "heatmap";
    sliderLabel.textContent = t(view.mode === "swipe" ? "view.divider" : "view.opacity");
    sliderOutput.textContent = wholePercent(share);
    colours.value = view.colormap;
    swatch.replaceChildren(scaleCanvas(view.colormap));
  });
  store.on(["answer", "current"], ({ answer, current }) => {
    switches[SWITCHES.indexOf("shared")].hidden = answer?.item !== current || !canShareScale(answer);
  });
}

/**
 * The position of the slider, 0 to 1: the opacity, or the divider of a swipe.
 * @param {View} view
 */
export const sliderShare = ({ mode, swipe, opacity }) => (mode === "swipe" ? swipe : opacity);

/**
 * What the slider changes.
 * @param {number} share
 * @param {ViewMode} mode
 * @returns {Partial<View>}
 */
export const sliderPatch = (share, mode) => (mode === "swipe" ? { swipe: share } : { opacity: share });

/** @param {ViewMode} mode @param {() => void} onclick */
function modeButton(mode, onclick) {
  const title = t(`mode.${mode}.title`);
  return h("button.segment", { title, "data-mode": mode, onclick }, icon(mode), h("span", t(`mode.${mode}`)));
}

/** @param {string} name @param {() => void} onclick */
function switchButton(name, onclick) {
  const title = t(`view.${name}.title`);
  return h("button.switch", { title, "data-switch": name, onclick }, icon(name), h("span", t(`view.${name}`)));
}
