// @ts-check
/* Line drawings of 24 × 24. */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} */
const PATHS = {
  overlay: "M3 5h18v14H3z M12 12m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
  image: "M3 5h18v14H3z M3 16l5-5 4 4 3-3 6 5",
  heatmap: "M3 5h18v14H3z M9 5v14 M15 5v14 M3 12h18",
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

/**
 * A drawing, 1 em high. Screen readers skip it, so the element around it needs a name.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * Put an icon before the text of every element with data-icon.
 * @param {ParentNode} root
 */
export function drawIcons(root) {
  for (const element of elements(root, "[data-icon]")) element.prepend(icon(element.dataset.icon ?? ""));
}

/** @param {ParentNode} root @param {string} selector @returns {NodeListOf<HTMLElement>} */
const elements = (root, selector) => root.querySelectorAll(selector);
