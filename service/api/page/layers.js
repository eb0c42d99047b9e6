/* Where in the network to look: one layer, or several whose maps become one. */

import { h, refill } from "./dom.js";
import { tip } from "./tips.js";
import { t } from "./words.js";

const FUSIONS = ["max", "mean", "product"];

/** Draw the layers of a store's model into an element. */
export function createLayers(store, element, picking) {
  const choice = h("div", { class: "row" });
  const others = h("ul", { class: "methods" });
  const how = h("div", { class: "row" });
  const fold = h("details", {}, h("summary", {}, t("fusion.title")), h("p", { class: "hint" }, t("fusion.tip")), others, how);
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
  const options = layers.map(({ name, shape: [, height, width] }) =>
    h("option", { value: name, selected: name === chosen }, t(name === preset ? "layer.default" : "layer.option", { name, height, width })),
  );
  const field = h("select", { id: "layer", "data-key": "layer", onchange: () => picking.layer(field.value) }, options);
  return field;
}

function other({ name }, fused, picking) {
  const box = h("input", { type: "checkbox", checked: fused.includes(name), "data-key": `fuse ${name}`, onchange: () => picking.fuse(name) });
  return h("li", {}, h("label", { class: "method" }, box, name));
}

function fusion(picked, picking) {
  const options = FUSIONS.map((name) => h("option", { value: name, selected: name === picked.fusion }, t(`fusion.${name}`)));
  const field = h("select", { id: "fusion", "data-key": "fusion", onchange: () => picking.fusion(field.value) }, options);
  return [h("label", { htmlFor: "fusion" }, t("fusion.label")), field];
}
