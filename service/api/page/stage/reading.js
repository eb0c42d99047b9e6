// @ts-check
/*
 * On narrow screens the panels stand below the image. While one of them is read, the image and the answer stay above it,
 * smaller; at the top of the page the image has its full size again.
 */

/** @import { PageStore } from "../types.js" */

const TOP = 24; // CSS pixels: closer to the top of the page, the image is what is looked at

const stacked = matchMedia("(width < 64rem)");

/**
 * Returns what to call when the reader opens a panel.
 * @param {PageStore} store
 * @param {{notice: HTMLElement, showing: HTMLElement, tabs: HTMLElement}} elements
 */
export function createReading(store, { notice, showing, tabs }) {
  const { classList, style } = document.documentElement;
  const stop = () => classList.remove("reading");

  function start() {
    if (!stacked.matches || !store.state.current) return;
    classList.add("reading");
    scrollBy(0, tabs.getBoundingClientRect().top - showing.getBoundingClientRect().height - notice.offsetHeight);
  }

  new ResizeObserver(() => style.setProperty("--notice", `${notice.offsetHeight}px`)).observe(notice);
  addEventListener("scroll", () => scrollY < TOP && stop(), { passive: true });
  stacked.addEventListener("change", stop);
  store.on(["current"], ({ current }) => current === null && stop());
  return start;
}
