/* Taking an answer away: the view as a picture with legend and notice, the answer as JSON, and the curl command. */

import { download } from "./dom.js";
import { curl } from "./question.js";
import { sheet } from "./sheet.js";
import { t } from "./words.js";

export function createSaving(store, stage, say) {
  const mine = () => (store.state.answer?.item === store.state.current ? store.state.answer : null);

  /** A name for a file: the model and the image's digest, never the image's own name, which may be a patient's. */
  const name = (answer, ending) => `fovea-${answer.model.name}-${answer.image.sha256.slice(0, 8)}.${ending}`;

  function give(blob, filename) {
    download(blob, filename);
    say(t("export.saved", { name: filename }));
  }

  async function png() {
    const answer = mine();
    if (!answer) return;
    const canvas = sheet(answer, stage, store.state.view);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    give(blob, name(answer, "png"));
  }

  function json() {
    const answer = mine();
    if (answer) give(new Blob([answer.text], { type: "application/json" }), name(answer, "json"));
  }

  async function copy(field) {
    const answer = mine();
    if (!answer) return;
    try {
      await navigator.clipboard.writeText(curl(answer.path, answer.item.name));
      say(t("details.repeat.copied"), true);
    } catch {
      field?.select(); // without https browsers keep the clipboard to themselves
      say(t("details.repeat.manual"), true);
    }
  }

  return { png, json, copy };
}
