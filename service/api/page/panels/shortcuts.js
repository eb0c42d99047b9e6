// @ts-check
/* All keyboard shortcuts in one table: what they do, and what the help shows. */

import { clamp, HOME, panned, toImage, toView, zoomedIn, zoomedOut } from "../core/camera.js";
import { h, refill } from "../core/dom.js";
import { button } from "../core/fields.js";
import { readPreference, writePreference } from "../core/preferences.js";
import { t } from "../core/text.js";
import { COLORMAPS } from "../stage/colormaps.js";
import { heatmapScenes } from "../stage/scenes.js";
import { MODES, sliderPatch, sliderShare } from "../stage/toolbar.js";

/** @import { AnswerActions } from "../session/answers.js" */
/** @import { FileActions } from "../session/files.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { DownloadActions } from "../stage/downloads.js" */
/** @import { PageStore, Stage, View } from "../types.js" */

/**
 * @typedef {{
 *   store: PageStore,
 *   stage: Stage,
 *   files: FileActions,
 *   selection: SelectionActions,
 *   answers: AnswerActions,
 *   downloads: DownloadActions,
 *   theme: {next: () => void},
 *   tabs: {next: () => void},
 * }} Parts
 */

/**
 * shown: the keys in the help, where they differ. always: also while single-key shortcuts are off.
 * @typedef {{
 *   keys: string[],
 *   shown?: string[],
 *   text: string,
 *   always?: boolean,
 *   run?: (event: KeyboardEvent) => unknown,
 * }} Shortcut
 */

const PAN = 60; // CSS pixels that a key moves the image
const OPACITY_STEP = 0.05;
const PREFERENCE = "shortcuts";

/** @type {Record<string, [dx: number, dy: number]>} */
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** @param {Parts} parts @param {() => void} toggleHelp @returns {Shortcut[]} */
function tableOf({ store, stage, files, selection, answers, downloads, theme, tabs }, toggleHelp) {
  const { state } = store;
  const view = (/** @type {Partial<View>} */ patch) => store.update("view", patch);
  const closeImage = () => state.current && files.close(state.current);
  const cancel = () => (state.pending ? answers.cancel() : store.set({ enlarged: null }));
  return [
    { keys: ["?"], text: "keys.help", run: toggleHelp },
    { keys: ["o"], text: "keys.open", run: files.choose },
    { keys: ["s"], text: "keys.sample", run: () => files.openSample() },
    { keys: [".", ","], text: "keys.next", run: ({ key }) => files.step(key === "." ? 1 : -1) },
    { keys: ["Delete"], text: "keys.remove", run: closeImage },
    { keys: ["1", "2", "3", "4", "5"], text: "keys.mode", run: ({ key }) => view({ mode: MODES[Number(key) - 1] }) },
    { keys: ["[", "]"], text: "keys.opacity", run: ({ key }) => view(nudged(state.view, key === "[" ? -1 : 1)) },
    { keys: ["k"], text: "keys.colormap", run: () => view({ colormap: nextColormap(state.view) }) },
    { keys: ["b"], text: "keys.boxes", run: () => view({ boxes: !state.view.boxes }) },
    { keys: ["h"], text: "keys.smooth", run: () => view({ smooth: !state.view.smooth }) },
    { keys: ["i"], text: "keys.shared", run: () => view({ shared: !state.view.shared }) },
    {
      keys: ["+", "=", "-", "0"],
      shown: ["+", "-", "0"],
      text: "keys.zoom",
      run: ({ key }) => zoom(store, stage, key),
    },
    {
      keys: Object.keys(ARROWS),
      shown: ["←", "→", "↑", "↓"],
      text: "keys.pan",
      run: (event) => move(store, stage, event),
    },
    { keys: [], shown: ["Shift", "←", "→", "↑", "↓"], text: "keys.point" },
    { keys: [], shown: ["Shift", "→", "Enter"], text: "keys.projection" },
    { keys: ["c"], text: "keys.class", run: selection.nextClass },
    { keys: ["w"], text: "keys.classes", run: selection.topTwoClasses },
    { keys: ["r"], text: "keys.compare", run: selection.toggleComparison },
    { keys: ["m", "M"], text: "keys.method", run: ({ key }) => selection.stepMethod(key === "m" ? 1 : -1) },
    { keys: ["g"], text: "keys.methods", run: selection.toggleAllMethods },
    { keys: ["l"], text: "keys.layer", run: selection.nextLayer },
    { keys: ["f"], text: "keys.enlarge", run: () => enlargeNext(store) },
    { keys: ["a"], text: "keys.tabs", run: tabs.next },
    { keys: ["p"], text: "keys.png", run: downloads.png },
    { keys: ["j"], text: "keys.json", run: downloads.json },
    { keys: ["u"], text: "keys.curl", run: () => downloads.copyCommand() },
    { keys: ["t"], text: "keys.theme", run: theme.next },
    { keys: ["Escape"], text: "keys.escape", always: true, run: cancel },
  ];
}

/** @param {View} view @param {number} by steps */
const nudged = (view, by) =>
  sliderPatch(clamp(Math.round(100 * (sliderShare(view) + by * OPACITY_STEP)) / 100, 0, 1), view.mode);

/** @param {View} view */
const nextColormap = ({ colormap }) => COLORMAPS[(COLORMAPS.indexOf(colormap) + 1) % COLORMAPS.length];

/** @param {PageStore} store @param {Stage} stage @param {string} key */
function zoom(store, stage, key) {
  const by = key === "-" ? zoomedOut : zoomedIn;
  store.set({ camera: key === "0" ? HOME : by(stage.image(), stage.room(), store.state.camera) });
}

/**
 * Pan, or move the pointer while Shift is held.
 * @param {PageStore} store
 * @param {Stage} stage
 * @param {KeyboardEvent} event
 */
function move(store, stage, { key, shiftKey }) {
  const [dx, dy] = ARROWS[key];
  const { camera, pointer } = store.state;
  const [image, room] = [stage.image(), stage.room()];
  if (!shiftKey) return store.set({ camera: panned(image, room, camera, dx * PAN, dy * PAN) });
  const step = Math.min(room.width, room.height) / 40;
  const middle = { x: room.width / 2, y: room.height / 2 };
  const at = pointer && toView(image, room, camera, pointer);
  const next = at ? { x: at.x - dx * step, y: at.y - dy * step } : middle;
  const inside = { x: clamp(next.x, 0, room.width), y: clamp(next.y, 0, room.height) };
  return store.set({ pointer: { ...toImage(image, room, camera, inside), spoken: true } });
}

/** @param {PageStore} store */
function enlargeNext(store) {
  const keys = heatmapScenes(store.state).map(({ key }) => key);
  if (keys.length < 2) return;
  const at = keys.indexOf(store.state.enlarged ?? "");
  store.set({ enlarged: keys[at + 1] ?? null });
}

/**
 * Whether a key belongs to the element that has the focus, and not to the page.
 * @param {KeyboardEvent} event
 */
function isTaken({ target, key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey || document.querySelector("dialog[open]")) return true;
  if (!(target instanceof Element)) return false;
  if (target.closest("input:not([type=checkbox], [type=range]), textarea, select")) return true;
  return target.matches("input[type=range], [role=tab]") && key.startsWith("Arrow");
}

/**
 * Listen for the shortcuts, and fill a dialog with the help.
 * @param {Parts} parts
 * @param {HTMLDialogElement} dialog
 */
export function createShortcuts(parts, dialog) {
  let on = readPreference(PREFERENCE, true); // single keys can disturb people who use speech input
  const toggle = () => (dialog.open ? dialog.close() : dialog.showModal());
  const table = tableOf(parts, toggle);

  addEventListener("keydown", (event) => {
    if (event.key === "?" && dialog.open) return dialog.close();
    if (isTaken(event) || event.defaultPrevented) return undefined;
    const row = table.find(({ keys }) => keys.includes(event.key));
    if (!row?.run || !(on || row.always)) return undefined;
    if (event.key in ARROWS && !parts.store.state.current) return undefined;
    event.preventDefault();
    return row.run(event);
  });

  const box = h("input", { type: "checkbox", id: "shortcuts-on", checked: on });
  box.addEventListener("change", () => {
    on = box.checked;
    writePreference(PREFERENCE, on);
  });
  const close = button("keys.close", () => dialog.close());
  const rows = table.flatMap(({ keys, shown = keys, text }) => [
    h(
      "dt",
      shown.map((key) => h("kbd", key)),
    ),
    h("dd", t(text)),
  ]);
  refill(
    dialog,
    h("div.section-head", h("h2", { id: "shortcuts-title" }, t("keys.title")), close),
    h("label.row", box, t("keys.on")),
    h("dl.keys", rows),
  );
  return { toggle };
}
