// @ts-check
/* What answers are requested with: methods, classes, layers and parameters, as clicks and keys change them. */

import { NO_LINK, resolve } from "./link.js";

/** @import { Method, ModelDetails } from "../api.js" */
/** @import { Link, MethodChoice, PageStore, Selection, State } from "../types.js" */

const CONTRASTIVE = "finercam";
const MOST_EXTRA_LAYERS = 7; // beside the chosen one: the service takes eight

/**
 * The classes whose heatmaps are shown: the selected ones, or the most probable one.
 * @param {Pick<State, "selection" | "answer">} state
 */
export function targetsOf({ selection, answer }) {
  if (selection.targets.length) return selection.targets;
  const first = answer?.predictions[0];
  return first ? [first.index] : [];
}

/**
 * All methods, each with whether it applies to the chosen model.
 * @param {{methods: Method[], details: Pick<ModelDetails, "methods"> | null}} state
 * @returns {MethodChoice[]}
 */
export function methodChoices({ methods, details }) {
  const states = new Map((details?.methods ?? []).map((state) => [state.name, state]));
  return methods.map((method) => ({ applies: true, reason: null, ...method, ...states.get(method.name) }));
}

/**
 * The change of the state before another image is shown: classes and comparisons belong to the image they were chosen
 * for. The first image keeps what was chosen before it, such as the class that a link names.
 * @param {Pick<State, "selection" | "comparing" | "current">} state
 * @returns {Partial<State>}
 */
export function forNextImage({ selection, comparing, current }) {
  const { targets, versus } = selection;
  if (!current || !(comparing || targets.length || versus.length)) return {};
  const methods = comparing?.before ?? selection.methods;
  return { comparing: null, selection: { ...selection, targets: [], versus: [], methods } };
}

/** @param {Pick<Method, "forwards">} method */
const isFree = ({ forwards }) => forwards === 0;

/**
 * @template T
 * @param {T[]} list
 * @param {T} value
 */
const without = (list, value) => list.filter((other) => other !== value);

/** @param {string[]} names */
const preferred = (names) => (names.includes("gradcam") ? "gradcam" : names[0]);

/** @typedef {ReturnType<typeof createSelection>} SelectionActions */

/** @param {PageStore} store */
export function createSelection(store) {
  const { state } = store;

  /** @param {Partial<Selection>} patch */
  const select = (patch) => store.set({ selection: { ...state.selection, ...patch }, enlarged: null });

  const applicable = () => methodChoices(state).filter(({ applies }) => applies);

  /** @param {number | null} index null: the most probable class */
  const explain = (index) => select({ targets: index === null ? [] : [index], versus: [] });

  /**
   * Show one class more, or one less; the last one stays.
   * @param {number} index
   */
  function toggleClass(index) {
    const shown = targetsOf(state);
    const targets = shown.includes(index) ? without(shown, index) : [...shown, index];
    if (targets.length) select({ targets, versus: [] });
  }

  /**
   * A click on a class while two are compared: the first is explained, the second is compared with.
   * @param {number} index
   */
  function choosePair(index) {
    const [second] = state.selection.versus;
    const [first] = targetsOf(state);
    if (second !== undefined || first === undefined) return select({ targets: [index], versus: [] });
    if (index === first) return undefined;
    const contrastive = applicable().some(({ name }) => name === CONTRASTIVE);
    const methods = contrastive ? [CONTRASTIVE] : state.selection.methods;
    return select({ targets: [first], versus: [index], methods });
  }

  /** @param {number} index */
  const clickClass = (index) => (state.comparing ? choosePair(index) : explain(index));

  function toggleComparison() {
    const { comparing } = state;
    store.set({ comparing: comparing ? null : { before: state.selection.methods } });
    if (comparing) select({ versus: [], methods: comparing.before });
    else select({ targets: targetsOf(state).slice(0, 1), versus: [] });
  }

  /** Show the predicted class again. */
  const showAnswer = () => store.set({ ...forNextImage({ ...state }), enlarged: null });

  const swapClasses = () =>
    select({ targets: state.selection.versus.slice(0, 1), versus: state.selection.targets.slice(0, 1) });

  function nextClass() {
    const indexes = state.answer?.predictions.map(({ index }) => index) ?? [];
    const at = indexes.indexOf(targetsOf(state)[0]);
    if (indexes.length) explain(indexes[(at + 1) % indexes.length]);
  }

  function topTwoClasses() {
    const indexes = state.answer?.predictions.slice(0, 2).map(({ index }) => index) ?? [];
    select({ targets: state.selection.targets.length === 2 ? [] : indexes, versus: [] });
  }

  /** @param {string} name */
  const setMethod = (name) => select({ methods: [name] });

  /**
   * One method more or less, in the order of the table; the last one stays.
   * @param {string} name
   */
  function toggleMethod(name) {
    const chosen = new Set(state.selection.methods);
    if (!chosen.delete(name)) chosen.add(name);
    const methods = state.methods.map((method) => method.name).filter((other) => chosen.has(other));
    if (methods.length) select({ methods });
  }

  /** All applicable methods that need no further forward pass; or one, where all of them are shown already. */
  function toggleAllMethods() {
    const free = applicable()
      .filter(isFree)
      .map(({ name }) => name);
    select({ methods: state.selection.methods.length >= free.length ? [preferred(free)] : free });
  }

  /** @param {number} by */
  function stepMethod(by) {
    const names = applicable().map(({ name }) => name);
    const at = names.indexOf(state.selection.methods[0]);
    if (names.length) setMethod(names[(at + by + names.length) % names.length]);
  }

  /** @param {string | null} name */
  function setLayer(name) {
    const layer = name === state.details?.default_layer ? null : name;
    select({ layer, extraLayers: without(state.selection.extraLayers, name ?? "") });
  }

  /**
   * Combine one layer more with the chosen one, or one less.
   * @param {string} name
   */
  function toggleLayer(name) {
    const { extraLayers } = state.selection;
    const rest = without(extraLayers, name);
    select({ extraLayers: rest.length < extraLayers.length ? rest : [...rest, name].slice(-MOST_EXTRA_LAYERS) });
  }

  /** @param {string} fusion */
  const setFusion = (fusion) => select({ fusion });

  /** From the default layer towards the image. */
  function nextLayer() {
    const names = (state.details?.layers ?? []).filter(({ spatial }) => spatial).map(({ name }) => name);
    const at = names.indexOf(state.selection.layer ?? state.details?.default_layer ?? "");
    if (names.length) setLayer(names[(at - 1 + names.length) % names.length]);
  }

  /**
   * @param {string} name
   * @param {unknown} value
   * @param {string[]} methods those that take this parameter
   */
  const setParameter = (name, value, methods) =>
    select({ parameters: { ...state.selection.parameters, [name]: { value, methods } } });

  const toggleQuality = () => store.set({ selection: { ...state.selection, quality: !state.selection.quality } });

  /**
   * Take the details of a model. Another model drops the classes, the layers, and the methods that do not apply to it;
   * a link brings its own. Returns what the link names and the model does not have.
   * @param {ModelDetails} details
   * @param {Link | null} [link]
   * @returns {string[]}
   */
  function adopt(details, link = null) {
    if (!link && details.name === state.details?.name) {
      store.set({ details });
      return [];
    }
    const names = methodChoices({ ...state, details })
      .filter(({ applies }) => applies)
      .map(({ name }) => name);
    const usual = preferred(names) ?? "gradcam";
    const kept = { ...NO_LINK, methods: state.comparing?.before ?? state.selection.methods };
    const { selection, missing } = resolve(link ?? kept, details, names);
    const methods = selection.methods.length ? selection.methods : [usual];
    const comparing = selection.versus.length ? { before: [usual] } : null;
    const { parameters } = state.selection;
    store.set({ details, comparing, selection: { ...selection, methods, parameters }, enlarged: null });
    return link ? missing : [];
  }

  return {
    explain,
    toggleClass,
    clickClass,
    toggleComparison,
    showAnswer,
    swapClasses,
    nextClass,
    topTwoClasses,
    setMethod,
    toggleMethod,
    toggleAllMethods,
    stepMethod,
    setLayer,
    toggleLayer,
    setFusion,
    nextLayer,
    setParameter,
    toggleQuality,
    adopt,
  };
}
