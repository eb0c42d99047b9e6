/* Where in the network to look: one layer, or several whose maps become one. */

import { h, refill } from "./dom.js";
import { choice } from "./fields.js";
import { tip } from "./tips.js";
import { t } from "./words.js";

const FUSIONS = ["max", "mean", "product"];

export function createLayers(store, element, picking) {
  const choice = h("div.row");
  const others = h("ul.methods");
  const how = h("div.row");
  const fold = h("details", h("summary", t("fusion.title")), h("p.hint", t("fusion.tip")), others, how);
  element.append(choice, fold);

  store.on(["details", "picked"], ({ details, picked }) => {
    const layers = (details?.layers ?? []).filter(({ spatial }) => spatial);
    element.hidden = layers.length === 0;
    if (element.hidden) return;
    const chosen = picked.layer ?? details.default_layer;
    refill(choice, h("label", { htmlFor: "layer" }, t("layer.label")), tip("layer.tip"), select(layers, chosen, details, picking));
    refill(others, layers.filter(({ name }) => name !== chosen).map((layer) => other(layer, picked.fused, picking)));
    fold.open ||= picked.fused.length > 0;
    refill(how, picked.fused.length > 0 && fusion(picked, picking));
    how.hidden = !how.hasChildNodes();
  });
}

function select(layers, chosen, { default_layer: preset }, picking) {
  const shapes = new Map(layers.map(({ name, shape }) => [name, shape]));
  const text = (name) => {
    const [, height, width] = shapes.get(name);
    return t(name === preset ? "layer.default" : "layer.option", { name, height, width });
  };
  return choice("layer", [...shapes.keys()], chosen, text, picking.layer);
}

function other({ name }, fused, picking) {
  const box = h("input", { type: "checkbox", checked: fused.includes(name), key: `fuse ${name}`, onchange: () => picking.fuse(name) });
  return h("li", h("label.method", box, name));
}

function fusion(picked, picking) {
  const field = choice("fusion", FUSIONS, picked.fusion, (name) => t(`fusion.${name}`), picking.fusion);
  return [h("label", { htmlFor: "fusion" }, t("fusion.label")), field];
}
