/* Work that takes longer than a question: how far it is, and an end to it. */

import { h } from "./dom.js";
import { button } from "./fields.js";
import { get, remove } from "./wire.js";
import { t } from "./words.js";

const PAUSE = 700; // milliseconds between two looks

export const underWay = ({ state }) => state === "waiting" || state === "running";

/** The job once it has ended, however it did; meanwhile it shows how far it is. */
export async function finished({ id }, signal, show) {
  const bar = h("progress.long", { max: 1, "aria-label": t("job.progress") });
  const stage = h("p.hint");
  const address = `jobs/${encodeURIComponent(id)}`;
  const cancel = () => remove(address).catch(() => {}); // where the line is lost, the next look says so
  show(h("p", t("job.title")), bar, stage, button("ask.cancel", cancel));
  for (;;) {
    const job = await get(address, signal);
    if (!underWay(job)) return job;
    bar.value = job.progress;
    if (stage.textContent !== job.stage) stage.textContent = job.stage; // told to screen readers once
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
