/* Every key, in one table: what listens and what the help shows. */

import { HOME, farther, nearer, panned, toImage, toView } from "./camera.js";
import { COLORMAPS } from "./colormaps.js";
import { h, refill } from "./dom.js";
import { button } from "./fields.js";
import { mapsOf, scenesOf } from "./scenes.js";
import { asStrength, MODES } from "./toolbar.js";
import { t } from "./words.js";

const PAN = 60; // CSS pixels a press moves the image
const OFF = "fovea.keys";

/** The table: {keys, text, run(event)}. parts: the page's parts, as main.js has made them. */
function bindings({ store, stage, intake, picking, answering, saving, theme, tabs, help }) {
  const { state } = store;
  const view = (patch) => store.update("view", patch);
  const nudge = (by) => {
    const now = state.view.mode === "swipe" ? state.view.swipe : state.view.opacity;
    view(asStrength(Math.min(1, Math.max(0, Math.round(100 * (now + by)) / 100)), state.view.mode));
  };
  const camera = (step) => () => store.set({ camera: step(stage.image(), stage.room(), state.camera) });
  return [
    { keys: ["?"], text: "keys.help", run: help.toggle },
    { keys: ["o"], text: "keys.open", run: intake.choose },
    { keys: ["s"], text: "keys.sample", run: () => intake.openSample() },
    { keys: [".", ","], text: "keys.next", run: ({ key }) => intake.step(key === "." ? 1 : -1) },
    { keys: ["Delete"], text: "keys.remove", run: () => state.current && intake.close(state.current) },
    { keys: ["1", "2", "3", "4", "5"], text: "keys.mode", run: ({ key }) => view({ mode: MODES[Number(key) - 1] }) },
    { keys: ["[", "]"], text: "keys.opacity", run: ({ key }) => nudge(key === "[" ? -0.05 : 0.05) },
    { keys: ["k"], text: "keys.colormap", run: () => view({ colormap: COLORMAPS[(COLORMAPS.indexOf(state.view.colormap) + 1) % COLORMAPS.length] }) },
    { keys: ["b"], text: "keys.boxes", run: () => view({ boxes: !state.view.boxes }) },
    { keys: ["h"], text: "keys.smooth", run: () => view({ smooth: !state.view.smooth }) },
    { keys: ["i"], text: "keys.shared", run: () => view({ shared: !state.view.shared }) },
    { keys: ["+", "=", "-", "0"], shown: ["+", "-", "0"], text: "keys.zoom", run: ({ key }) => (key === "0" ? store.set({ camera: HOME }) : camera(key === "-" ? farther : nearer)()) },
    { keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], shown: ["←", "→", "↑", "↓"], text: "keys.pan", run: (event) => pan(store, stage, event) },
    { keys: [], shown: ["Shift", "←", "→", "↑", "↓"], text: "keys.point" },
    { keys: [], shown: ["Shift", "→", "Enter"], text: "keys.atlas" },
    { keys: ["c"], text: "keys.class", run: picking.stepClass },
    { keys: ["w"], text: "keys.classes", run: picking.topTwo },
    { keys: ["r"], text: "keys.rather", run: picking.toggleRather },
    { keys: ["m", "M"], text: "keys.method", run: ({ key }) => picking.stepMethod(key === "m" ? 1 : -1) },
    { keys: ["g"], text: "keys.methods", run: picking.toggleAll },
    { keys: ["l"], text: "keys.layer", run: picking.stepLayer },
    { keys: ["f"], text: "keys.enlarge", run: () => enlargeNext(store) },
    { keys: ["a"], text: "keys.tabs", run: tabs.next },
    { keys: ["p"], text: "keys.png", run: saving.png },
    { keys: ["j"], text: "keys.json", run: saving.json },
    { keys: ["u"], text: "keys.curl", run: () => saving.copy() },
    { keys: ["t"], text: "keys.theme", run: theme.next },
    { keys: ["Escape"], text: "keys.escape", always: true, run: () => (state.asking ? answering.cancel() : store.set({ enlarged: null })) },
  ];
}

function pan(store, stage, event) {
  const [dx, dy] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  const { camera, pointer } = store.state;
  const [image, room] = [stage.image(), stage.room()];
  if (!event.shiftKey) return store.set({ camera: panned(image, room, camera, dx * PAN, dy * PAN) });
  const step = Math.min(room.width, room.height) / 40;
  const at = pointer ? toView(image, room, camera, pointer) : { x: room.width / 2, y: room.height / 2 };
  const next = pointer ? { x: at.x - dx * step, y: at.y - dy * step } : at;
  const inside = { x: Math.min(Math.max(next.x, 0), room.width), y: Math.min(Math.max(next.y, 0), room.height) };
  return store.set({ pointer: { ...toImage(image, room, camera, inside), spoken: true } });
}

function enlargeNext(store) {
  const { state } = store;
  if (mapsOf(state.answer) < 2) return;
  const keys = scenesOf({ ...state, enlarged: null }).filter(({ map }) => map).map(({ key }) => key);
  const at = keys.indexOf(state.enlarged);
  store.set({ enlarged: keys[at + 1] ?? null });
}

/** Where a key belongs to the element that has the focus, and not to the page. */
function isTaken(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return true;
  if (target.closest("input:not([type=checkbox], [type=range]), textarea, select")) return true;
  return target.matches("input[type=range], [role=tab]") && key.startsWith("Arrow");
}

export function createKeys(parts, dialog) {
  let on = localStorage.getItem(OFF) !== "off"; // single keys can disturb those who speak to their computer
  const help = { toggle: () => (dialog.open ? dialog.close() : dialog.showModal()) };
  const table = bindings({ ...parts, help });
  addEventListener("keydown", (event) => {
    if (event.key === "?" && dialog.open) return dialog.close();
    if (isTaken(event) || event.defaultPrevented) return undefined;
    const row = table.find(({ keys }) => keys.includes(event.key));
    if (!row || !(on || row.always)) return undefined;
    if (event.key.startsWith("Arrow") && !parts.store.state.current) return undefined;
    event.preventDefault();
    return row.run(event);
  });
  const box = h("input", { type: "checkbox", id: "keys-on", checked: on });
  box.addEventListener("change", () => {
    on = box.checked;
    localStorage.setItem(OFF, on ? "on" : "off");
  });
  const rows = table.map(({ keys, shown, text }) => [h("dt", (shown ?? keys).map((key) => h("kbd", key))), h("dd", t(text))]);
  refill(dialog, h("div.section-head", h("h2", { id: "keys-title" }, t("keys.title")), button("keys.close", () => dialog.close())), h("label.row", box, t("keys.on")), h("dl.keys", rows.flat()));
  return help;
}
