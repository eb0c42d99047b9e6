// @ts-check
/* Wheel, mouse, pen and fingers on one view: zoom, pan, point, and drag the line of a swipe. */

/** @import { Point } from "../types.js" */

/**
 * What gestures do; points and distances are in CSS pixels of the element. divider: the x of a line that can be
 * dragged, or null.
 * @typedef {{
 *   zoom(factor: number, point: Point): void,
 *   pan(dx: number, dy: number): void,
 *   point(point: Point | null): void,
 *   toggle(point: Point): void,
 *   divider?(): number | null,
 *   divide?(x: number): void,
 * }} Actions
 */

const GRIP = 24; // CSS pixels on either side of the line that take hold of it

/** @param {HTMLElement} element @param {Actions} actions */
export function listen(element, actions) {
  /** @type {Map<number, Point>} */
  const held = new Map(); // pointer id -> its last point
  let dividing = false;

  const at = (/** @type {MouseEvent} */ event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const speed = event.ctrlKey ? 0.01 : 0.0016; // a pinch on a touchpad comes as a wheel with Ctrl
      actions.zoom(Math.exp(-event.deltaY * lines * speed), at(event));
    },
    { passive: false },
  );

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const point = at(event);
    const line = actions.divider?.() ?? null;
    dividing = held.size === 0 && line !== null && Math.abs(point.x - line) <= GRIP;
    held.set(event.pointerId, point);
    element.setPointerCapture(event.pointerId);
    actions.point(point);
  });

  element.addEventListener("pointermove", (event) => {
    const point = at(event);
    const before = held.get(event.pointerId);
    if (!before || event.pointerType === "mouse") actions.point(point);
    if (!before) return;
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, point);
    if (dividing) actions.divide?.(point.x);
    else if (other) pinch(actions, before, point, other);
    else actions.pan(point.x - before.x, point.y - before.y);
  });

  /** @param {PointerEvent} event */
  function release(event) {
    held.delete(event.pointerId);
    dividing = dividing && held.size > 0;
  }
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && actions.point(null));
  element.addEventListener("dblclick", (event) => actions.toggle(at(event)));
}

/**
 * Zoom after one of two fingers has moved, so that both stay on what they touch.
 * @param {Actions} actions
 * @param {Point} before
 * @param {Point} after
 * @param {Point} other
 */
function pinch(actions, before, after, other) {
  const distance = (/** @type {Point} */ point) => Math.hypot(point.x - other.x, point.y - other.y);
  if (distance(before) > 0) actions.zoom(distance(after) / distance(before), other);
}
