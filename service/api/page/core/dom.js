// @ts-check
/* Making elements. Text stays text: nothing from a file, a model or a server becomes markup. */

/** @import { Child, Children, ElementOf, Properties } from "../types.js" */

/** Whether the main pointer is a finger; a module without a browser has none. */
export const coarse = globalThis.matchMedia?.("(pointer: coarse)") ?? { matches: false };

/**
 * An element: "tag" or "tag.class.class"; then, optionally, {properties}; then its content. Properties: on* are
 * listeners, key is for refill, class, data-* and aria-* are attributes, all others are set on the element.
 * @template {string} Names
 * @param {Names} names
 * @param {...(Properties | Children)} inside
 * @returns {ElementOf<Names>}
 */
export function h(names, ...inside) {
  const [tag, ...classes] = names.split(".");
  const element = document.createElement(tag);
  const properties = inside[0]?.constructor === Object ? /** @type {Properties} */ (inside.shift()) : {};
  if (tag === "button") /** @type {HTMLButtonElement} */ (element).type = "button";
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(...shown(/** @type {Children[]} */ (inside)));
  return /** @type {ElementOf<Names>} */ (element);
}

/** @param {HTMLElement} element @param {string} name @param {unknown} value */
function setProperty(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  else if (name === "key") element.dataset.key = String(value);
  else if (name in element && name !== "list" && !name.includes("-")) Reflect.set(element, name, value);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** @param {Children[]} children @returns {(Node | string)[]} */
const shown = (children) =>
  children.flat().filter((/** @type {Child} */ child) => child !== null && child !== undefined && child !== false);

/**
 * Give an element new children. The focus returns to the child with the same data-key.
 * @param {Element} parent
 * @param {...Children} children
 */
export function refill(parent, ...children) {
  const { activeElement } = document;
  const focused = activeElement instanceof HTMLElement && parent.contains(activeElement) && activeElement.dataset.key;
  parent.replaceChildren(...shown(children).filter(Boolean));
  if (!focused) return;
  const found = parent.querySelector(`[data-key="${CSS.escape(focused)}"]`);
  if (found instanceof HTMLElement) found.focus();
}

/**
 * Text in which `this` is code.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export const withCode = (text) => text.split("`").map((part, place) => (place % 2 ? h("code", part) : part));

/**
 * The context of a canvas for drawing in two dimensions.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("the browser gives this canvas no 2D context");
  return context;
}

/**
 * A function that calls `draw` at the next frame. Several calls before that frame are one.
 * @param {() => void} draw
 */
export function atNextFrame(draw) {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      draw();
    });
  };
}

/**
 * The element with an id of index.html.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no element #${id}`);
  return /** @type {T} */ (found);
}

/**
 * Save a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
