/* What the page knows at one moment, and who wants to hear when it changes. */

/** A store: `state` to read, `set` to change, `on` to listen to some of its names. */
export function createStore(initial) {
  const state = { ...initial };
  const listeners = [];

  function set(patch) {
    const changed = Object.keys(patch).filter((name) => !Object.is(state[name], patch[name]));
    Object.assign(state, patch);
    for (const { names, heard } of listeners) {
      if (changed.some((name) => names.includes(name))) heard(state);
    }
  }

  /** Change a part that is an object itself: update("view", {mode: "map"}). */
  function update(name, patch) {
    const kept = Object.entries(patch).every(([key, value]) => Object.is(state[name][key], value));
    if (!kept) set({ [name]: { ...state[name], ...patch } });
  }

  /** Call `heard` now, and whenever one of the names changes. */
  function on(names, heard) {
    listeners.push({ names, heard });
    heard(state);
  }

  return { state, set, update, on };
}

export const NOTHING_PICKED = { methods: ["gradcam"], targets: [], versus: [], layer: null, fused: [], fusion: "max", parameters: {}, quality: false };

export const INITIAL = {
  models: [], // lines of GET /models
  methods: [], // lines of GET /methods
  measures: [], // of how far a map can be trusted, from the same
  model: null, // the chosen model's name
  details: null, // GET /models/{model}
  items: [], // images.js: the images opened
  current: null, // the one that is looked at
  picked: NOTHING_PICKED, // what is asked about it; targets and versus are class indexes; fused: layers beside the chosen one; parameters: name -> {value, methods}
  rather: false, // clicking classes picks "this rather than that"
  answer: null, // answering.js: what is shown
  asking: null, // {phase: "sending" | "thinking" | "waiting", ...} while a question is under way
  problem: null, // wire.js: what went wrong
  view: { mode: "overlay", opacity: 0.65, colormap: "inferno", boxes: false, smooth: true, shared: false, swipe: 0.5 },
  enlarged: null, // which of several maps fills the view
  camera: { zoom: 1, x: 0.5, y: 0.5 }, // zoom 1 fits; x, y: the share of the image in the middle of the view
  pointer: null, // {x, y} in pixels of the image
  panel: null, // the id of the one in sight
  collections: null, // lines of GET /collections, once somebody wants to see them
  collection: null, // the one that the image is compared with
  near: { k: 8, metric: "cosine", pixels: false }, // how
  queue: null, // {done, count, running} while the other images are being answered
};
