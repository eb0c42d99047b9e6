// @ts-check
/* The layer that is explained, or several layers whose heatmaps are combined. */

import { h, refill } from "../core/dom.js";
import { select } from "../core/fields.js";
import { t } from "../core/text.js";
import { tooltip } from "../core/tooltip.js";
import { FUSIONS } from "../session/link.js";

/** @import { Layer } from "../api.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { PageStore, Selection } from "../types.js" */

/** @param {PageStore} store @param {HTMLElement} element @param {SelectionActions} actions */
export function createLayers(store, element, actions) {
  const chooser = h("div.row");
  const others = h("ul.methods");
  const fusion = h("div.row");
  const fold = h("details", h("summary", t("fusion.title")), h("p.hint", t("fusion.tip")), others, fusion);
  element.append(chooser, fold);

  store.on(["details", "selection"], ({ details, selection }) => {
    const layers = (details?.layers ?? []).filter(({ spatial }) => spatial);
    element.hidden = layers.length === 0;
    if (element.hidden) return;
    const preset = details?.default_layer ?? "";
    const chosen = selection.layer ?? preset;
    const { extraLayers } = selection;
    const label = t("layer.label");
    const field = layerSelect(layers, chosen, preset, actions);
    refill(chooser, h("label", { htmlFor: "layer" }, label), tooltip(label, t("layer.tip")), field);
    refill(
      others,
      layers.filter(({ name }) => name !== chosen).map(({ name }) => checkbox(name, extraLayers, actions)),
    );
    fold.open ||= extraLayers.length > 0;
    refill(fusion, extraLayers.length > 0 && fusionSelect(selection, actions));
    fusion.hidden = !fusion.hasChildNodes();
  });
}

/** @param {Layer[]} layers @param {string} chosen @param {string} preset @param {SelectionActions} actions */
function layerSelect(layers, chosen, preset, { setLayer }) {
  const shapes = new Map(layers.map(({ name, shape }) => [name, shape]));
  const text = (/** @type {string} */ name) => {
    const [, height, width] = shapes.get(name) ?? [];
    return t(name === preset ? "layer.default" : "layer.option", { name, height, width });
  };
  return select("layer", [...shapes.keys()], chosen, text, setLayer);
}

/** @param {string} name @param {string[]} extraLayers @param {SelectionActions} actions */
function checkbox(name, extraLayers, { toggleLayer }) {
  const checked = extraLayers.includes(name);
  const box = h("input", { type: "checkbox", checked, key: `combine ${name}`, onchange: () => toggleLayer(name) });
  return h("li", h("label.method", box, name));
}

/** @param {Selection} selection @param {SelectionActions} actions */
function fusionSelect({ fusion }, { setFusion }) {
  const field = select("fusion", FUSIONS, fusion, (name) => t(`fusion.${name}`), setFusion);
  return [h("label", { htmlFor: "fusion" }, t("fusion.label")), field];
}
