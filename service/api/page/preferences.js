/* How a reader likes the page, kept in this browser. Nothing about images or answers is ever kept. */

const PREFIX = "fovea.";

/** A preference, or the fallback where none is kept or the browser keeps none. */
export function read(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? fallback;
  } catch {
    return fallback; // storage is switched off, or holds what somebody else has written
  }
}

export function write(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // storage is switched off or full: the preference lasts as long as the page
  }
}

const KEPT = ["opacity", "colormap", "boxes", "smooth"];

/** Start with the view as it was left, and keep what changes. allowed: names of colormaps that exist. */
export function rememberView(store, allowed) {
  const kept = read("view", {});
  const valid = (name) => typeof kept[name] === typeof store.state.view[name] && (name !== "colormap" || allowed.includes(kept[name]));
  store.update("view", Object.fromEntries(KEPT.filter(valid).map((name) => [name, kept[name]])));
  store.on(["view"], ({ view }) => write("view", Object.fromEntries(KEPT.map((name) => [name, view[name]]))));
}
