// @ts-check
/* The address of the page follows the view: a link reopens it, and going back and forward works. */

import { fragmentOf, readLink } from "./link.js";

/** @import { Link, PageStore } from "../types.js" */

/**
 * Keep the fragment of the address in step with a store. Another view is a new entry of the history; another image is
 * not, because going back does not bring an image back.
 * @param {PageStore} store
 * @param {(link: Link) => Promise<void>} openLink
 */
export function createHistory(store, openLink) {
  let { current } = store.state;
  let opening = 0; // links that are being opened

  /** @param {boolean} inPlace */
  function write(inPlace) {
    const fragment = fragmentOf(store.state);
    if (opening || !fragment || fragment === location.hash) return;
    const first = readLink(location.hash) === null;
    history[inPlace || first ? "replaceState" : "pushState"](null, "", fragment);
  }

  async function open() {
    const link = readLink(location.hash);
    opening += 1;
    if (link) await openLink(link);
    opening -= 1;
    write(true); // also where the address has led to an element, such as #views
  }

  store.on(["current", "details", "selection"], (state) => {
    write(state.current !== current);
    current = state.current;
  });
  addEventListener("popstate", open);
}
