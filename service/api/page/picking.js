/* What a click on a class, a method or a layer asks for. */

import { NOTHING_PICKED } from "./store.js";

const CONTRAST = "finercam";
const MOST_FUSED = 7; // beside the one that is chosen: the service takes eight

/** The classes whose maps are shown: those picked, or the likeliest. */
export function targetsOf({ picked, answer }) {
  if (picked.targets.length) return picked.targets;
  const first = answer?.predictions[0];
  return first ? [first.index] : [];
}

/** The methods a model can be explained with: lines of /methods with {applies, reason} of the model. */
export function applicable({ methods, details }) {
  const states = new Map((details?.methods ?? []).map((state) => [state.name, state]));
  return methods.map((method) => ({ applies: true, reason: null, ...method, ...(states.get(method.name) ?? {}) }));
}

/** Whether the number of forwards grows with feature maps, samples, steps or positions. */
export const isSlow = ({ slow }) => slow;

const isFree = ({ forwards }) => forwards === 0;

const without = (list, value) => list.filter((other) => other !== value);

export function createPicking(store) {
  const { state } = store;
  let before = null; // the methods from before "this rather than that"

  const pick = (patch) => store.set({ picked: { ...state.picked, ...patch }, enlarged: null });

  const explain = (index) => pick({ targets: index === null ? [] : [index], versus: [] });

  /** Show one class more, or one less; the last one stays. */
  function toggleClass(index) {
    const shown = targetsOf(state);
    const targets = shown.includes(index) ? without(shown, index) : [...shown, index];
    if (targets.length) pick({ targets, versus: [] });
  }

  /** A click on a class where "this rather than that" is picked: the first is this, the second that. */
  function choosePair(index) {
    const [that] = state.picked.versus;
    const [current] = targetsOf(state);
    if (that !== undefined || current === undefined) return pick({ targets: [index], versus: [] });
    if (index === current) return undefined;
    const methods = applicable(state).some(({ name, applies }) => name === CONTRAST && applies) ? [CONTRAST] : state.picked.methods;
    return pick({ targets: [current], versus: [index], methods });
  }

  const clickClass = (index) => (state.rather ? choosePair(index) : explain(index));

  function toggleRather() {
    if (state.rather) {
      pick({ versus: [], methods: before ?? state.picked.methods });
    } else {
      before = state.picked.methods;
      pick({ targets: targetsOf(state).slice(0, 1), versus: [] });
    }
    store.set({ rather: !state.rather });
  }

  const swap = () => pick({ targets: state.picked.versus.slice(0, 1), versus: state.picked.targets.slice(0, 1) });

  const only = (name) => pick({ methods: [name] });

  /** One method more or less, in the order of the table; the last one stays. */
  function toggleMethod(name) {
    const chosen = new Set(state.picked.methods);
    if (!chosen.delete(name)) chosen.add(name);
    const methods = state.methods.map((method) => method.name).filter((other) => chosen.has(other));
    if (methods.length) pick({ methods });
  }

  /** Every method that applies and costs no further run; or one alone, where they are all shown already. */
  function toggleAll() {
    const free = applicable(state).filter((method) => method.applies && isFree(method)).map(({ name }) => name);
    pick({ methods: state.picked.methods.length >= free.length ? [preferred(free)] : free });
  }

  const preferred = (names) => (names.includes("gradcam") ? "gradcam" : names[0]);

  function stepMethod(by) {
    const names = applicable(state).filter(({ applies }) => applies).map(({ name }) => name);
    const at = names.indexOf(state.picked.methods[0]);
    if (names.length) only(names[(at + by + names.length) % names.length]);
  }

  function stepClass() {
    const indexes = state.answer?.predictions.map(({ index }) => index) ?? [];
    const at = indexes.indexOf(targetsOf(state)[0]);
    if (indexes.length) explain(indexes[(at + 1) % indexes.length]);
  }

  function topTwo() {
    const indexes = state.answer?.predictions.slice(0, 2).map(({ index }) => index) ?? [];
    pick({ targets: state.picked.targets.length === 2 ? [] : indexes, versus: [] });
  }

  const layer = (name) =>
    pick({ layer: name === state.details?.default_layer ? null : name, fused: without(state.picked.fused, name) });

  /** Fuse the map with that of one layer more, or less. */
  function fuse(name) {
    const { fused } = state.picked;
    const kept = without(fused, name);
    pick({ fused: kept.length < fused.length ? kept : [...fused, name].slice(-MOST_FUSED) });
  }

  const fusion = (how) => pick({ fusion: how });

  function stepLayer() {
    const names = (state.details?.layers ?? []).filter(({ spatial }) => spatial).map(({ name }) => name);
    const at = names.indexOf(state.picked.layer ?? state.details?.default_layer);
    if (names.length) layer(names[(at - 1 + names.length) % names.length]); // from the default towards the image
  }

  /** Give a parameter a value; methods: the names of those that take it. */
  const parameter = (name, value, methods) => pick({ parameters: { ...state.picked.parameters, [name]: { value, methods } } });

  const toggleQuality = () => store.set({ picked: { ...state.picked, quality: !state.picked.quality } });

  /** What another model cannot know is let go: classes, layer, and methods that do not apply to it. */
  function suit() {
    const can = applicable(state).filter(({ applies }) => applies).map(({ name }) => name);
    const kept = state.picked.methods.filter((name) => can.includes(name));
    store.set({ rather: false });
    pick({ ...NOTHING_PICKED, parameters: state.picked.parameters, methods: kept.length ? kept : [preferred(can) ?? "gradcam"] });
  }

  return {
    explain, toggleClass, clickClass, toggleRather, swap, only, toggleMethod, toggleAll, stepMethod, stepClass, topTwo,
    layer, stepLayer, fuse, fusion, parameter, toggleQuality, suit,
  };
}
