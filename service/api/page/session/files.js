// @ts-check
/* Ways to open images: choose, drop, paste, and the samples. */

import { HOME } from "../core/camera.js";
import { byId } from "../core/dom.js";
import { closeImage, openImage } from "./images.js";
import { forNextImage } from "./selection.js";

/** @import { OpenImage, PageStore, State } from "../types.js" */

/** @typedef {{file: string, title: string, credit: string}} Sample */
/** @typedef {ReturnType<typeof createFiles>} FileActions */

/** @type {Sample[]} */
export const SAMPLES = [
  { file: "drawn.webp", title: "sample.drawn", credit: "sample.drawn.credit" },
  { file: "retina.webp", title: "sample.retina", credit: "sample.retina.credit" },
];

/** @param {Sample} sample */
export const sampleAddress = (sample) => `page/samples/${sample.file}`;

/** @param {PageStore} store */
export function createFiles(store) {
  /** @type {HTMLInputElement} */
  const chooser = byId("chooser");

  /**
   * Open files one after the other, and show the first of them.
   * @param {Iterable<File>} files
   */
  async function open(files) {
    let first = true;
    for (const file of files) {
      const item = await openImage(file, file.name || "image");
      const items = [...store.state.items, item];
      store.set(first ? { items, ...showing(item) } : { items });
      first = false;
    }
  }

  /** @param {OpenImage | null} item @returns {Partial<State>} */
  const showing = (item) => {
    const rest = item === store.state.current ? {} : forNextImage(store.state);
    return { current: item, enlarged: null, camera: HOME, pointer: null, ...rest };
  };

  /** @param {OpenImage} item */
  const show = (item) => store.set(showing(item));

  /** @param {number} by */
  function step(by) {
    const { items, current } = store.state;
    const at = current ? items.indexOf(current) : 0;
    if (items.length > 1) show(items[(at + by + items.length) % items.length]);
  }

  /** @param {OpenImage} item */
  function close(item) {
    const { items, current } = store.state;
    const at = items.indexOf(item);
    const rest = items.filter((other) => other !== item);
    closeImage(item);
    const next = rest[Math.min(at, rest.length - 1)] ?? null;
    store.set(item === current ? { items: rest, ...showing(next) } : { items: rest });
  }

  function closeAll() {
    store.state.items.forEach(closeImage);
    store.set({ items: [], ...showing(null) });
  }

  async function openSample(sample = SAMPLES[0]) {
    const response = await fetch(sampleAddress(sample));
    if (response.ok) await open([new File([await response.blob()], sample.file)]);
  }

  chooser.addEventListener("change", () => {
    open([...(chooser.files ?? [])]);
    chooser.value = ""; // so that choosing the same file again is a change, too
  });
  listenForDrops(open);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    open(files);
  });

  return { openSample, choose: () => chooser.click(), show, step, close, closeAll };
}

/** @param {(files: Iterable<File>) => void} open */
function listenForDrops(open) {
  const hasFiles = (/** @type {DragEvent} */ event) => Boolean(event.dataTransfer?.types.includes("Files"));
  let depth = 0; // enter and leave come for every element under the pointer
  const mark = () => document.body.classList.toggle("dropping", depth > 0);
  addEventListener("dragenter", (event) => {
    depth += hasFiles(event) ? 1 : 0;
    mark();
  });
  addEventListener("dragleave", (event) => {
    depth = Math.max(0, depth - (hasFiles(event) ? 1 : 0));
    mark();
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    mark();
    open([...(event.dataTransfer?.files ?? [])]);
  });
}
