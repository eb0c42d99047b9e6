/* Trying again where trying again helps: lost connections, and a service that names the seconds to wait. */

import { Problem } from "./wire.js";

const LONGEST = 15;
const MOST_TIMES_BUSY = 8;

const SOON = 5; // a model that loads says a second or two; one without weights says a minute, and somebody must help

/** Whether the same request may succeed later without anybody mending anything. */
export function isPassing({ slug, retryAfter }) {
  const loading = slug === "model-unavailable" && retryAfter !== null && retryAfter <= SOON;
  return ["lost", "overloaded", "unavailable"].includes(slug) || loading;
}

/** The seconds before try number `times` + 1: as the service says, or 1, 2, 4 ... 15. */
export function pause(problem, times) {
  const own = Math.min(LONGEST, 2 ** times);
  return problem.retryAfter === null ? own : Math.min(60, Math.max(problem.retryAfter, 0.5));
}

/**
 * The outcome of `attempt`, tried again while its problems pass. A lost connection is waited for without limit, and its
 * return ends the wait at once; so does calling the `now` that onWait is given. onWait({problem, until, now}).
 */
export async function persistently(attempt, { signal, onWait }) {
  for (let times = 0; ; times += 1) {
    try {
      return await attempt();
    } catch (problem) {
      const enough = problem.slug !== "lost" && times >= MOST_TIMES_BUSY;
      if (!(problem instanceof Problem) || !isPassing(problem) || enough) throw problem;
      await wait(pause(problem, times), problem, signal, onWait);
    }
  }
}

function wait(seconds, problem, signal, onWait) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    const stop = () => {
      done();
      reject(new DOMException("cancelled", "AbortError"));
    };
    const timer = setTimeout(done, seconds * 1000);
    window.addEventListener("online", done);
    signal?.addEventListener("abort", stop);
    onWait?.({ problem, until: performance.now() + seconds * 1000, now: done });
  });
}
