/* The images that are open, and in a word what the service said of each. */

import { h, icon, refill } from "./dom.js";
import { percent, readable, t } from "./words.js";

export function createWorklist(store, element, intake, queue) {
  const list = h("ul.thumbs");
  const foot = h("div.queue");
  element.append(list, foot);

  store.on(["items", "current", "queue", "model", "answer", "problem"], (state) => {
    element.hidden = state.items.length < 2;
    document.body.classList.toggle("listing", !element.hidden);
    refill(list, state.items.map((item, place) => entry(item, place, state, intake)));
  });
  store.on(["current"], () => list.querySelector(".current")?.scrollIntoView({ block: "nearest", inline: "nearest" }));
  store.on(["queue", "items"], ({ queue: state }) => refill(foot, state ? progressOf(state, queue, intake) : []));
}

function entry(item, place, { items, current, model }, intake) {
  const said = sayings(item.outcomes[model]);
  const name = `${t("list.position", { position: place + 1, count: items.length, name: item.name })}, ${said}`;
  const mine = item === current;
  return h(
    "li",
    { class: mine ? "current" : "" },
    h(
      "button.thumb",
      { "aria-current": mine ? "true" : null, "aria-label": name, title: item.name, key: `item ${item.id}`, onclick: () => intake.look(item) },
      thumbnail(item),
      h("span.said", said),
    ),
    h("button.ghost.small.remove", { "aria-label": t("list.remove", { name: item.name }), title: t("list.remove", { name: item.name }), key: `remove ${item.id}`, onclick: () => intake.close(item) }, icon("close")),
  );
}

function sayings(outcome) {
  if (!outcome) return t("list.waiting");
  if (outcome.refused) return t("list.refused");
  if (outcome.problem) return t("list.failed");
  return `${readable(outcome.label)} ${percent(outcome.probability)}`;
}

const THUMB = 112;

function thumbnail(item) {
  if (!item.picture) return h("span.no-picture", icon("image"));
  item.thumbnail ??= drawn(item.picture);
  return item.thumbnail;
}

function drawn({ small, width, height }) {
  const scale = Math.min(1, THUMB / Math.min(width, height));
  const canvas = h("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)), "aria-hidden": "true" });
  canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function progressOf({ done, count, running }, queue, intake) {
  const text = t("list.progress", { done, count });
  const button = (key, act) => h("button.link", { key: key, onclick: act }, t(key));
  return [
    done < count && h("progress", { max: count, value: done, "aria-label": text }),
    h("span.hint", text),
    running && button("list.stop", queue.stop),
    !running && done < count && button("list.resume", queue.resume),
    button("list.clear", intake.closeAll),
  ];
}
