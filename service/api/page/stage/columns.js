// @ts-check
/* How many columns several views stand in. */

/** @import { Size } from "../types.js" */

const NARROWEST = 150; // CSS pixels of one of several views
const NARROWEST_STACKED = 170; // CSS pixels, where the page scrolls
const CAPTION = 66; // CSS pixels of the name above and the scale below a view, where they are not measured
const PADDING = 10; // CSS pixels at the left and right edge, as in stage.css
const GAP = 10; // CSS pixels between two columns, as in stage.css
const LOWEST = 90; // CSS pixels

/**
 * The width of a column in whole CSS pixels, so that all views have the same size.
 * @param {number} columns
 * @param {Pick<Size, "width">} room
 */
export const columnWidth = (columns, { width }) =>
  Math.max(1, Math.floor((width - 2 * PADDING - (columns - 1) * GAP) / columns));

/**
 * The number of columns that makes the views largest.
 * @param {number} count of views
 * @param {Size} room
 * @param {Size} image
 * @param {number} [caption] CSS pixels
 */
export function columnsFor(count, room, image, caption = CAPTION) {
  let best = { scale: 0, columns: 1 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = columnWidth(columns, room);
    const height = Math.max(room.height / rows - (count > 1 ? caption : 0), LOWEST);
    const scale = Math.min(width / image.width, height / image.height);
    if (scale > best.scale * 1.02 && (width >= NARROWEST || columns === 1)) best = { scale, columns };
  }
  return best.columns;
}

/**
 * The number of columns where the page scrolls, so that height is no limit: few enough to fill the last row.
 * @param {number} count of views
 * @param {Size} room
 */
export function stackedColumns(count, room) {
  const most = Math.max(1, Math.min(count, Math.floor(room.width / NARROWEST_STACKED)));
  return Math.ceil(count / Math.ceil(count / most));
}
