import assert from "node:assert/strict";
import { test } from "node:test";
import { fragmentOf, NO_LINK, readLink, resolve } from "../../../service/api/page/session/link.js";
import { DEFAULT_SELECTION } from "../../../service/api/page/session/state.js";

const DETAILS = {
  name: "eye model",
  labels: ["normal", "glaucoma & more"],
  default_layer: "layer4",
  layers: ["layer3", "layer4"].map((name) => ({ name, spatial: true })).concat({ name: "fc", spatial: false }),
};
const METHODS = ["gradcam++", "finercam", "gradcam"];

const fragment = (selection, details = DETAILS) =>
  fragmentOf({ model: "eye model", details, selection: { ...DEFAULT_SELECTION, ...selection } });

test("a link names model, methods, classes and layers by their names", () => {
  assert.equal(fragment({}), "#model=eye+model&method=gradcam");
  const selection = { methods: ["gradcam++"], targets: [1], versus: [0], layer: "layer3" };
  const text = "#model=eye+model&method=gradcam%2B%2B&class=glaucoma+%26+more&versus=normal&layer=layer3";
  assert.equal(fragment(selection), text);
});

test("a link leads back to the same selection", () => {
  const selections = [
    {},
    { methods: ["finercam", "gradcam"], targets: [1, 0] },
    { methods: ["finercam"], targets: [0], versus: [1], layer: "layer3" },
    { extraLayers: ["layer3"], fusion: "product" },
    { layer: "layer3", extraLayers: ["layer4"], fusion: "mean" },
  ];
  for (const selection of selections) {
    const link = readLink(fragment(selection));
    assert.equal(link.model, "eye model");
    const { selection: found, missing } = resolve(link, DETAILS, METHODS);
    assert.deepEqual([found, missing], [{ ...DEFAULT_SELECTION, ...selection }, []]);
  }
});

test("there is no link before the details of the model are known", () => {
  assert.equal(fragment({}, null), null);
  assert.equal(fragment({}, { ...DETAILS, name: "other" }), null);
});

test("fragments that lead to an element are no links", () => {
  assert.deepEqual([readLink(""), readLink("#views"), readLink("#class=normal")], [null, null, null]);
});

test("what the model does not have is left out and named", () => {
  const link = {
    ...NO_LINK,
    methods: ["gradcam", "cam"],
    classes: ["normal", "<b>cat</b>"],
    versus: ["dog"],
    layers: ["layer9", "fc", "layer3"],
    fusion: "sum",
  };
  const { selection, missing } = resolve(link, DETAILS, METHODS);
  assert.deepEqual(missing.toSorted(), ["<b>cat</b>", "cam", "dog", "fc", "layer9", "sum"]);
  assert.deepEqual(selection, { ...DEFAULT_SELECTION, targets: [0], layer: "layer3" });
});
