import assert from "node:assert/strict";
import { test } from "node:test";
import { createStore } from "../../../service/api/page/core/store.js";
import {
  createSelection,
  forNextImage,
  methodChoices,
  targetsOf,
} from "../../../service/api/page/session/selection.js";
import { INITIAL } from "../../../service/api/page/session/state.js";
import { sliderPatch, sliderShare } from "../../../service/api/page/stage/toolbar.js";

const METHODS = [
  { name: "cam", forwards: 0 },
  { name: "finercam", forwards: 0 },
  { name: "gradcam", forwards: 0 },
  { name: "scorecam", forwards: "per channel" },
];
const LAYERS = ["layer1", "layer2", "layer3"].map((name) => ({ name, spatial: true, shape: [8, 4, 4] }));
const DETAILS = {
  default_layer: "layer3",
  layers: [...LAYERS, { name: "fc", spatial: false, shape: [2] }],
  methods: [{ name: "cam", applies: false, reason: "another head" }],
};
const ANSWER = { predictions: [2, 0, 1].map((index) => ({ index })) };

function created() {
  const store = createStore({ ...INITIAL, methods: METHODS, details: DETAILS, answer: ANSWER });
  return { store, state: store.state, selection: createSelection(store) };
}

test("a store calls listeners at once, and only for changes of their names", () => {
  const store = createStore({ a: 1, b: { c: 2 } });
  const heard = [];
  store.on(["b"], ({ b }) => heard.push(b.c));
  store.set({ a: 5 });
  store.update("b", { c: 2 });
  store.update("b", { c: 3 });
  store.set({ b: store.state.b });
  assert.deepEqual(heard, [2, 3]);
  assert.equal(store.state.a, 5);
});

test("the most probable class is explained until classes are selected", () => {
  const { state, selection } = created();
  assert.deepEqual(targetsOf(state), [2]);
  selection.toggleClass(0);
  assert.deepEqual(targetsOf(state), [2, 0]);
  selection.toggleClass(2);
  selection.toggleClass(0);
  assert.deepEqual(targetsOf(state), [0]); // the last one stays
  selection.explain(null);
  assert.deepEqual(targetsOf(state), [2]);
});

test("two clicks compare two classes, by a contrastive method", () => {
  const { state, selection } = created();
  selection.toggleComparison();
  selection.clickClass(1);
  assert.deepEqual(state.selection.methods, ["finercam"]);
  assert.deepEqual([state.selection.targets, state.selection.versus], [[2], [1]]);
  selection.swapClasses();
  assert.deepEqual([state.selection.targets, state.selection.versus], [[1], [2]]);
  selection.clickClass(0); // a third click begins anew
  assert.deepEqual([state.selection.targets, state.selection.versus], [[0], []]);
  selection.toggleComparison();
  assert.deepEqual([state.selection.methods, state.comparing], [["gradcam"], null]);
});

test("classes and comparisons do not stay for another image", () => {
  const { store, state, selection } = created();
  selection.setLayer("layer1");
  selection.toggleClass(0);
  assert.deepEqual(forNextImage(state), {}); // the first image: a link may have named the classes
  store.set({ current: { id: 1 } });
  store.set(forNextImage(state));
  assert.deepEqual([state.selection.targets, state.selection.layer], [[], "layer1"]);
  assert.deepEqual(forNextImage(state), {});
  selection.toggleComparison();
  selection.clickClass(1);
  assert.deepEqual([state.selection.methods, state.selection.versus], [["finercam"], [1]]);
  store.set(forNextImage(state));
  const { methods, targets, versus, layer } = state.selection;
  assert.deepEqual([methods, targets, versus, layer, state.comparing], [["gradcam"], [], [], "layer1", null]);
});

test("one click leads back to the answer", () => {
  const { store, state, selection } = created();
  store.set({ current: { id: 1 } });
  selection.explain(1);
  selection.showAnswer();
  assert.deepEqual(targetsOf(state), [2]);
});

test("keys step through classes", () => {
  const { state, selection } = created();
  selection.nextClass();
  assert.deepEqual(targetsOf(state), [0]);
  selection.topTwoClasses();
  assert.deepEqual(targetsOf(state), [2, 0]);
  selection.topTwoClasses();
  assert.deepEqual(state.selection.targets, []);
});

test("methods that do not apply are named with their reason and skipped by keys", () => {
  const { state, selection } = created();
  const [cam] = methodChoices(state);
  assert.deepEqual([cam.applies, cam.reason], [false, "another head"]);
  selection.stepMethod(1);
  assert.deepEqual(state.selection.methods, ["scorecam"]);
  selection.stepMethod(1);
  assert.deepEqual(state.selection.methods, ["finercam"]);
  selection.stepMethod(-1);
  assert.deepEqual(state.selection.methods, ["scorecam"]);
});

test("methods are toggled in the order of the table, and the last one stays", () => {
  const { state, selection } = created();
  selection.toggleMethod("finercam");
  assert.deepEqual(state.selection.methods, ["finercam", "gradcam"]);
  selection.toggleMethod("gradcam");
  selection.toggleMethod("finercam");
  assert.deepEqual(state.selection.methods, ["finercam"]);
});

test("all applicable methods without a further forward pass, or one", () => {
  const { state, selection } = created();
  selection.toggleAllMethods();
  assert.deepEqual(state.selection.methods, ["finercam", "gradcam"]);
  selection.toggleAllMethods();
  assert.deepEqual(state.selection.methods, ["gradcam"]);
});

test("layers step towards the image, and the default is not named", () => {
  const { state, selection } = created();
  selection.nextLayer();
  assert.equal(state.selection.layer, "layer2");
  selection.setLayer("layer3");
  assert.equal(state.selection.layer, null);
  selection.toggleLayer("layer1");
  selection.toggleLayer("layer2");
  assert.deepEqual(state.selection.extraLayers, ["layer1", "layer2"]);
  selection.setLayer("layer1"); // the chosen one is no extra layer
  assert.deepEqual(state.selection.extraLayers, ["layer2"]);
  selection.toggleLayer("layer2");
  assert.deepEqual(state.selection.extraLayers, []);
});

test("another model keeps the parameters and the methods that apply to it", () => {
  const { state, selection } = created();
  selection.setParameter("gamma", 0.9, ["finercam"]);
  selection.toggleClass(0);
  selection.setLayer("layer1");
  selection.setMethod("finercam");
  selection.adopt({ ...DETAILS, name: "other", methods: [{ name: "finercam", applies: false, reason: "" }] });
  const { methods, targets, layer, parameters } = state.selection;
  assert.deepEqual([methods, targets, layer], [["gradcam"], [], null]);
  assert.deepEqual(parameters, { gamma: { value: 0.9, methods: ["finercam"] } });
});

test("the slider is the opacity, or the divider of a swipe", () => {
  const view = { ...INITIAL.view, opacity: 0.3, swipe: 0.7 };
  assert.deepEqual([sliderShare(view), sliderShare({ ...view, mode: "swipe" })], [0.3, 0.7]);
  assert.deepEqual([sliderPatch(0.4, "side"), sliderPatch(0.4, "swipe")], [{ opacity: 0.4 }, { swipe: 0.4 }]);
});
