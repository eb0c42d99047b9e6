/* Making elements. Text is always text: nothing that a file, a model or a server says becomes markup. */

/**
 * An element: "tag" or "tag.class.class"; then, if any, {properties}: on* listen, key is for refill, class, data-* and
 * aria-* are attributes, the rest are set as they are; then what is inside.
 */
export function h(names, ...inside) {
  const [tag, ...classes] = names.split(".");
  const element = document.createElement(tag);
  const properties = inside[0]?.constructor === Object ? inside.shift() : {};
  if (tag === "button") element.type = "button";
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "key") element.dataset.key = value;
    else if (name in element && name !== "list" && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** New children for an element. Whoever had the focus inside, told by data-key, has it again afterwards. */
export function refill(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren(...children.flat().filter(Boolean));
  if (focused) parent.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Text in which `this` is code. */
export const coded = (text) => text.split("`").map((part, place) => (place % 2 ? h("code", part) : part));

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  overlay: "M3 5h18v14H3z M12 12m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
  image: "M3 5h18v14H3z M3 16l5-5 4 4 3-3 6 5",
  map: "M3 5h18v14H3z M9 5v14 M15 5v14 M3 12h18",
  side: "M3 5h8v14H3z M13 5h8v14h-8z",
  swipe: "M3 5h18v14H3z M12 3v18 M9 10l-2 2 2 2 M15 10l2 2-2 2",
  boxes: "M4 9V4h5 M15 4h5v5 M20 15v5h-5 M9 20H4v-5",
  smooth: "M4 18c5 0 5-12 8-12s3 12 8 12",
  shared: "M4 6h16 M4 18h16 M8 6v12 M16 6v12",
  plus: "M12 5v14 M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5 M20 9V4h-5 M4 15v5h5 M20 15v5h-5 M9 9h6v6H9z",
  enlarge: "M14 4h6v6 M20 4l-7 7 M10 20H4v-6 M4 20l7-7",
  close: "M6 6l12 12 M18 6L6 18",
  open: "M12 16V5 M7 10l5-5 5 5 M4 19h16",
  save: "M12 4v11 M7 10l5 5 5-5 M4 20h16",
  braces: "M9 4c-4 0-1 8-5 8c4 0 1 8 5 8 M15 4c4 0 1 8 5 8c-4 0-1 8-5 8",
  help: "M9 9a3 3 0 1 1 4.2 2.7c-.8.4-1.2 1-1.2 2 M12 17.2v.3",
  theme: "M12 4a8 8 0 1 0 0 16z M12 4a8 8 0 0 1 0 16",
  more: "M5 12h.01 M12 12h.01 M19 12h.01",
  info: "M12 11v6 M12 7.3v.2 M12 12m-9 0a9 9 0 1 0 18 0a9 9 0 1 0-18 0",
  swap: "M7 4L3 8l4 4 M3 8h14 M17 12l4 4-4 4 M21 16H7",
};

/** A line drawing, 1 em high; decoration only, so a name must stand beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Put an icon into every element that asks for one by data-icon, before its text. */
export function drawIcons(root) {
  for (const element of root.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
}

export function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
