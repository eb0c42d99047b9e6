/* The line below the views: where the pointer is, what is there, and how coarse the map is. */

import { coversAll } from "./paint.js";
import { cellText, placeText, valueText } from "./readout.js";
import { scenesOf } from "./scenes.js";
import { t } from "./words.js";

/** Keep the line of a store up to date; what the keyboard points at is said aloud as well. */
export function createStatus(store, element, stage, say) {
  const left = element.querySelector(".place");
  const right = element.querySelector(".coarse");

  store.on(["pointer", "answer", "current", "view"], (state) => {
    const { pointer, current, answer, view } = state;
    const first = scenesOf(state).find(({ map }) => map);
    left.textContent = pointer ? placeText(pointer, stage.image(), current?.picture) : first ? t("readout.idle") : "";
    const unseen = first && !coversAll(first.map.region, answer.image);
    right.textContent = first ? [unseen && t("map.region"), cellText(first.map)].filter(Boolean).join(" ") : "";
    if (pointer?.spoken && first) say(`${left.textContent}: ${valueText(first, pointer, view.smooth)}`);
  });
}
