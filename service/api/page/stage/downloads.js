// @ts-check
/* Saving an answer: the view as a picture, the answer as JSON, and the curl command that repeats it. */

import { download } from "../core/dom.js";
import { t } from "../core/text.js";
import { curl } from "../session/query.js";
import { snapshot } from "./snapshot.js";

/** @import { Announce, Answer, PageStore, Stage } from "../types.js" */

/** @typedef {ReturnType<typeof createDownloads>} DownloadActions */

/**
 * A file name from the model and the image's digest. The image's own name may be a patient's.
 * @param {Pick<Answer, "model" | "image">} answer
 * @param {string} extension
 */
export const fileName = ({ model, image }, extension) => `fovea-${model.name}-${image.sha256.slice(0, 8)}.${extension}`;

/** @param {PageStore} store @param {Stage} stage @param {Announce} announce */
export function createDownloads(store, stage, announce) {
  const shown = () => (store.state.answer?.item === store.state.current ? store.state.answer : null);

  /** @param {Blob} blob @param {string} name */
  function save(blob, name) {
    download(blob, name);
    announce(t("export.saved", { name }));
  }

  function png() {
    const answer = shown();
    if (!answer) return;
    const canvas = snapshot(answer, stage, store.state);
    canvas.toBlob((blob) => blob && save(blob, fileName(answer, "png")), "image/png");
  }

  function json() {
    const answer = shown();
    if (answer) save(new Blob([answer.text], { type: "application/json" }), fileName(answer, "json"));
  }

  /** @param {HTMLTextAreaElement} [field] shows the command */
  async function copyCommand(field) {
    const answer = shown();
    if (!answer) return;
    try {
      await navigator.clipboard.writeText(curl(answer.path, answer.item.name));
      announce(t("details.repeat.copied"), true);
    } catch {
      field?.select(); // browsers refuse access to the clipboard without https
      announce(t("details.repeat.manual"), true);
    }
  }

  return { png, json, copyCommand };
}
