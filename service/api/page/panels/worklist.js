// @ts-check
/* The open images, each with its answer in short. */

import { contextOf, h, refill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { percent, problemText, readable, t, textOr } from "../core/text.js";

/** @import { FileActions } from "../session/files.js" */
/** @import { QueueActions } from "../session/queue.js" */
/** @import { Bitmap, Children, OpenImage, Outcome, PageStore, State } from "../types.js" */

const THUMBNAIL = 112; // pixels of the shorter side

/** @param {PageStore} store @param {HTMLElement} element @param {FileActions} files @param {QueueActions} queue */
export function createWorklist(store, element, files, queue) {
  const list = h("ul.thumbs");
  const foot = h("div.queue");
  element.append(list, foot);

  store.on(["items", "current", "queue", "model", "answer", "problem"], (state) => {
    element.hidden = state.items.length < 2;
    document.body.classList.toggle("listing", !element.hidden);
    refill(
      list,
      state.items.map((item, place) => entry(item, place, state, files)),
    );
  });
  store.on(["current"], () => list.querySelector(".current")?.scrollIntoView({ block: "nearest", inline: "nearest" }));
  store.on(["queue", "items"], ({ queue: progress }) => refill(foot, progress && progressOf(progress, queue, files)));
}

/** @param {OpenImage} item @param {number} place @param {State} state @param {FileActions} files */
function entry(item, place, { items, current, model }, files) {
  const outcome = item.outcomes[model ?? ""];
  const text = outcomeText(outcome);
  const label = `${t("list.position", { position: place + 1, count: items.length, name: item.name })}, ${text}`;
  const shown = item === current;
  const title = [item.name, outcome?.problem && problemText(outcome.problem), outcome?.problem?.detail];
  const properties = {
    "aria-current": shown ? "true" : null,
    "aria-label": label,
    title: title.filter(Boolean).join("\n"),
  };
  const remove = t("list.remove", { name: item.name });
  return h(
    "li",
    { class: shown ? "current" : "" },
    h(
      "button.thumb",
      { ...properties, key: `item ${item.id}`, onclick: () => files.show(item) },
      thumbnail(item),
      h("span.file", item.name),
      h("span.outcome", text),
    ),
    h(
      "button.ghost.small.remove",
      { "aria-label": remove, title: remove, key: `remove ${item.id}`, onclick: () => files.close(item) },
      icon("close"),
    ),
  );
}

/**
 * The result for an image in a few words; for a refusal and a failure, with the reason.
 * @param {Outcome | undefined} outcome
 */
export function outcomeText(outcome) {
  if (!outcome) return t("list.waiting");
  if (outcome.refused) {
    const reasons = (outcome.reasons ?? []).map((reason) => textOr(`list.refused.${reason}`, readable(reason)));
    return [t("list.refused"), reasons.join(", ")].filter(Boolean).join(": ");
  }
  if (outcome.problem) return textOr(`list.failed.${outcome.problem.slug}`, t("list.failed"));
  return `${readable(outcome.label ?? "")} ${percent(outcome.probability ?? 0)}`;
}

/** @param {OpenImage} item */
function thumbnail(item) {
  if (!item.bitmap) return h("span.no-picture", icon("image"));
  item.thumbnail ??= reduced(item.bitmap);
  return item.thumbnail;
}

/** @param {Bitmap} bitmap */
function reduced({ small, width, height }) {
  const scale = Math.min(1, THUMBNAIL / Math.min(width, height));
  const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const canvas = h("canvas", { ...size, "aria-hidden": "true" });
  contextOf(canvas).drawImage(small, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * @param {NonNullable<State["queue"]>} progress
 * @param {QueueActions} queue
 * @param {FileActions} files
 * @returns {Children}
 */
function progressOf({ done, count, running }, queue, files) {
  const text = t("list.progress", { done, count });
  const link = (/** @type {string} */ key, /** @type {() => void} */ onclick) =>
    h("button.link", { key, onclick }, t(key));
  const unfinished = done < count;
  return [
    unfinished && h("progress", { max: count, value: done, "aria-label": text }),
    h("span.hint", text),
    running && link("list.stop", queue.stop),
    !running && unfinished && link("list.resume", queue.resume),
    link("list.clear", files.closeAll),
  ];
}
