/* Wheel, mouse, pen and fingers on one view: zoom, pan, point, and drag the line of a swipe. */

const GRIP = 24; // CSS pixels on either side of the line that take hold of it

/**
 * Listen on an element. act: {zoom(factor, point), pan(dx, dy), point(point or null), toggle(point), divider() -> x or
 * null, divide(x)}; points and distances are in CSS pixels of the element.
 */
export function listen(element, act) {
  const held = new Map(); // pointer id -> its last point
  let dividing = false;

  const at = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const speed = event.ctrlKey ? 0.01 : 0.0016; // a pinch on a touchpad comes as a wheel with Ctrl
      act.zoom(Math.exp(-event.deltaY * lines * speed), at(event));
    },
    { passive: false },
  );

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const point = at(event);
    const line = act.divider();
    dividing = held.size === 0 && line !== null && Math.abs(point.x - line) <= GRIP;
    held.set(event.pointerId, point);
    element.setPointerCapture(event.pointerId);
    act.point(point);
  });

  element.addEventListener("pointermove", (event) => {
    const point = at(event);
    const before = held.get(event.pointerId);
    if (!before || event.pointerType === "mouse") act.point(point);
    if (!before) return;
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, point);
    if (dividing) act.divide(point.x);
    else if (other) pinch(act, before, point, other);
    else act.pan(point.x - before.x, point.y - before.y);
  });

  for (const name of ["pointerup", "pointercancel"]) {
    element.addEventListener(name, (event) => {
      held.delete(event.pointerId);
      dividing = dividing && held.size > 0;
    });
  }
  element.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && act.point(null));
  element.addEventListener("dblclick", (event) => act.toggle(at(event)));
}

/** One of two fingers has moved: what lay under both still does. */
function pinch(act, before, after, other) {
  const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y);
  if (distance(before) > 0) act.zoom(distance(after) / distance(before), other);
}
