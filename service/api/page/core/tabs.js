// @ts-check
/* Tabs after the ARIA pattern: arrow keys move between them, and only the selected one is in the tab order. */

import { byId } from "./dom.js";

/**
 * Make tabs of buttons that name their panels by aria-controls. onShow hears the id of the panel; onOpen is called after
 * the reader has opened one.
 * @param {HTMLElement} list
 * @param {(panel: string) => void} onShow
 * @param {() => void} onOpen
 */
export function createTabs(list, onShow, onOpen) {
  /** @type {HTMLElement[]} */
  const tabs = [...list.querySelectorAll("[role=tab]")].filter((tab) => tab instanceof HTMLElement);
  const panelOf = (/** @type {HTMLElement} */ tab) => tab.getAttribute("aria-controls") ?? "";

  /** @param {HTMLElement} selected @param {boolean} [focus] */
  function show(selected, focus = false) {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === selected));
      tab.tabIndex = tab === selected ? 0 : -1;
      byId(panelOf(tab)).hidden = tab !== selected;
    }
    onShow(panelOf(selected));
    if (focus) selected.focus({ preventScroll: true });
  }

  /** @param {HTMLElement} selected @param {boolean} [focus] */
  function open(selected, focus) {
    show(selected, focus);
    onOpen();
  }

  const selected = () => tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const next = () => open(tabs[(selected() + 1) % tabs.length]);

  list.addEventListener("click", ({ target }) => {
    const tab = tabs.find((one) => target instanceof Node && one.contains(target));
    if (tab) open(tab);
  });
  list.addEventListener("keydown", ({ key }) => {
    /** @type {Record<string, number>} */
    const places = { ArrowLeft: selected() - 1, ArrowRight: selected() + 1, Home: 0, End: tabs.length - 1 };
    if (key in places) open(tabs[(places[key] + tabs.length) % tabs.length], true);
  });
  show(tabs[0]);
  return { next };
}
