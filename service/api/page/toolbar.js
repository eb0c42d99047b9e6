/* How the answer is looked at: what is shown, how strong, in which colours. None of it asks the service. */

import { COLORMAPS, scaleCanvas } from "./colormaps.js";
import { h, icon } from "./dom.js";
import { mapsOf } from "./scenes.js";
import { roughly, t } from "./words.js";

export const MODES = ["overlay", "image", "map", "side", "swipe"];
const SWITCHES = ["boxes", "smooth", "shared"];

export function createToolbar(store, element) {
  const change = (patch) => store.update("view", patch);
  const modes = MODES.map((mode) => modeButton(mode, () => change({ mode })));
  const strength = h("input", { type: "range", id: "strength", min: 0, max: 100, step: 1 });
  const strengthLabel = h("label", { htmlFor: "strength" });
  const strengthOutput = h("output", { htmlFor: "strength" });
  strength.addEventListener("input", () => change(asStrength(strength.value / 100, store.state.view.mode)));
  const colours = h("select", { id: "colormap", title: t("view.colormap"), "aria-label": t("view.colormap") }, COLORMAPS.map((name) => h("option", { value: name }, name)));
  colours.addEventListener("change", () => change({ colormap: colours.value }));
  const swatch = h("span.swatch", { "aria-hidden": "true" });
  const switches = SWITCHES.map((name) => switchButton(name, () => change({ [name]: !store.state.view[name] })));
  element.append(
    h("div.segments", { role: "group", "aria-label": t("mode.label") }, modes),
    h("div.slider", strengthLabel, strength, strengthOutput),
    h("div.colours", swatch, colours),
    h("div.switches", switches),
  );

  store.on(["view"], ({ view }) => {
    modes.forEach((button, place) => button.setAttribute("aria-pressed", String(MODES[place] === view.mode)));
    switches.forEach((button, place) => button.setAttribute("aria-pressed", String(view[SWITCHES[place]])));
    const swiping = view.mode === "swipe";
    const value = Math.round(100 * (swiping ? view.swipe : view.opacity));
    strength.value = value;
    strength.disabled = view.mode === "image" || view.mode === "map";
    strengthLabel.textContent = t(swiping ? "view.divider" : "view.opacity");
    strengthOutput.textContent = roughly(value / 100);
    colours.value = view.colormap;
    swatch.replaceChildren(scaleCanvas(view.colormap));
  });
  store.on(["answer", "current"], ({ answer, current }) => {
    switches[SWITCHES.indexOf("shared")].hidden = answer?.item !== current || mapsOf(answer) < 2;
  });
}

/** What the one slider changes in a mode. */
export const asStrength = (share, mode) => (mode === "swipe" ? { swipe: share } : { opacity: share });

function modeButton(mode, act) {
  const title = t(`mode.${mode}.title`);
  return h("button.segment", { title, "data-mode": mode, onclick: act }, icon(mode), h("span", t(`mode.${mode}`)));
}

function switchButton(name, act) {
  return h("button.switch", { title: t(`view.${name}.title`), "data-switch": name, onclick: act }, icon(name), h("span", t(`view.${name}`)));
}
