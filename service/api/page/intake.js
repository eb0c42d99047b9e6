/* Four ways in: choose, drop, paste, and a sample in one click. */

import { createItem, forget } from "./images.js";

export const SAMPLES = [
  { file: "drawn.webp", title: "sample.drawn", credit: "sample.drawn.credit" },
  { file: "retina.webp", title: "sample.retina", credit: "sample.retina.credit" },
];

export const sampleAddress = (sample) => `page/samples/${sample.file}`;

export function createIntake(store) {
  const chooser = document.getElementById("chooser");

  /** Open files one after the other; the first of them is looked at. */
  async function open(files) {
    let first = true;
    for (const file of files) {
      const item = await createItem(file, file.name || "image");
      const items = [...store.state.items, item];
      store.set(first ? { items, ...looking(item) } : { items });
      first = false;
    }
  }

  const looking = (item) => ({ current: item, enlarged: null, camera: { zoom: 1, x: 0.5, y: 0.5 }, pointer: null });

  const look = (item) => store.set(looking(item));

  function step(by) {
    const { items, current } = store.state;
    if (items.length > 1) look(items[(items.indexOf(current) + by + items.length) % items.length]);
  }

  function close(item) {
    const { items, current } = store.state;
    const place = items.indexOf(item);
    const rest = items.filter((other) => other !== item);
    forget(item);
    store.set(item === current ? { items: rest, ...looking(rest[Math.min(place, rest.length - 1)] ?? null) } : { items: rest });
  }

  function closeAll() {
    store.state.items.forEach(forget);
    store.set({ items: [], ...looking(null) });
  }

  async function openSample(sample = SAMPLES[0]) {
    const response = await fetch(sampleAddress(sample));
    if (response.ok) await open([new File([await response.blob()], sample.file)]);
  }

  chooser.addEventListener("change", () => {
    open([...chooser.files]);
    chooser.value = ""; // choosing the same file again is a change, too
  });
  listenForDrops(open);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) {
      event.preventDefault();
      open(files);
    }
  });

  return { open, openSample, choose: () => chooser.click(), look, step, close, closeAll };
}

function listenForDrops(open) {
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // enter and leave come for every element on the way
  const show = () => document.body.classList.toggle("dropping", depth > 0);
  addEventListener("dragenter", (event) => {
    depth += carries(event) ? 1 : 0;
    show();
  });
  addEventListener("dragleave", (event) => {
    depth = Math.max(0, depth - (carries(event) ? 1 : 0));
    show();
  });
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    open([...event.dataTransfer.files]);
  });
}
