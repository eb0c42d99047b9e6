// @ts-check
/* Work that takes longer than a request: its progress, and a way to cancel it. */

import { h } from "../core/dom.js";
import { button } from "../core/fields.js";
import { get, remove } from "../core/http.js";
import { t } from "../core/text.js";

/** @import { Job } from "../api.js" */
/** @import { Show } from "./request.js" */

const INTERVAL = 700; // milliseconds between two checks

/** @param {Pick<Job, "state">} job */
export const isUnfinished = ({ state }) => state === "waiting" || state === "running";

/**
 * The job when it has ended. Until then its progress is shown.
 * @param {Pick<Job, "id">} job
 * @param {AbortSignal} signal
 * @param {Show} show
 * @returns {Promise<Job>}
 */
export async function whenEnded({ id }, signal, show) {
  const bar = h("progress.long", { max: 1, "aria-label": t("job.progress") });
  const stage = h("p.hint");
  const path = `jobs/${encodeURIComponent(id)}`;
  const cancel = () => remove(path).catch(() => {}); // the next check shows a lost connection
  show(h("p", t("job.title")), bar, stage, button("request.cancel", cancel));
  for (;;) {
    /** @type {Job} */
    const job = await get(path, signal);
    if (!isUnfinished(job)) return job;
    bar.value = job.progress;
    if (stage.textContent !== job.stage) stage.textContent = job.stage; // screen readers announce each change
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}
