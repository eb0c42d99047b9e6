// @ts-check
/* How many columns several views stand in. */

/** @import { Size } from "../types.js" */

const NARROWEST = 150; // CSS pixels of one of several views
const NARROWEST_STACKED = 170; // CSS pixels, where the page scrolls
const CAPTION = 66; // CSS pixels of the name above and the scale below a view
const LOWEST = 90; // CSS pixels

/**
 * The number of columns that makes the views largest.
 * @param {number} count of views
 * @param {Size} room
 * @param {Size} image
 */
export function columnsFor(count, room, image) {
  let best = { scale: 0, columns: 1 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = room.width / columns;
    const height = Math.max(room.height / rows - (count > 1 ? CAPTION : 0), LOWEST);
    const scale = Math.min(width / image.width, height / image.height);
    if (scale > best.scale * 1.02 && (width >= NARROWEST || columns === 1)) best = { scale, columns };
  }
  return best.columns;
}

/**
 * The number of columns where the page scrolls, so that height is no limit.
 * @param {number} count of views
 * @param {Size} room
 */
export const stackedColumns = (count, room) => Math.max(1, Math.min(count, Math.floor(room.width / NARROWEST_STACKED)));
