/* Talking to the service: JSON in, problems of RFC 9457 out, uploads that say how far they are. */

/** What went wrong. slug: the kind, "lost" where no answer came at all. retryAfter: seconds, null where none are named. */
export class Problem extends Error {
  constructor({ slug, status = 0, detail = "", requestId = "", retryAfter = null }) {
    super(detail || slug);
    Object.assign(this, { slug, status, detail, requestId, retryAfter });
  }

  /** The problem that a response's body tells of. */
  static read(status, text, retryAfter) {
    let told = {};
    try {
      told = JSON.parse(text) ?? {};
    } catch {
      told = {}; // a proxy between us and the service speaks HTML
    }
    return new Problem({
      slug: String(told.type ?? "").split("/").pop() || "other",
      status,
      detail: told.detail ?? "",
      requestId: told.request_id ?? "",
      retryAfter: retryAfter === null || retryAfter === "" ? null : Number(retryAfter),
    });
  }

  /** An entry of `results` that is no answer. */
  static of(told) {
    return Problem.read(told.status, JSON.stringify(told), null);
  }
}

const send = XMLHttpRequest; // fetch cannot say how much of an upload is done

/** An address of the service, relative to the page, so that a prefix in front of both is kept. */
export const address = (path) => new URL(path, document.baseURI).href;

/** JSON from a GET. Raises Problem; AbortError where the signal says so. */
export async function get(path, signal) {
  const { text } = await request("GET", path, null, { signal });
  return JSON.parse(text);
}

export const remove = (path) => request("DELETE", path, null);

/** Send an image's bytes as they are; {text, seconds}. onUpload(share) hears 0 to 1. Raises Problem, AbortError. */
export function post(path, blob, { signal, onUpload } = {}) {
  return request("POST", path, blob, { signal, onUpload });
}

function request(verb, path, body, { signal, onUpload } = {}) {
  return new Promise((resolve, reject) => {
    const stopped = () => new DOMException("cancelled", "AbortError");
    if (signal?.aborted) return reject(stopped());
    const call = new send();
    const began = performance.now();
    call.open(verb, address(path));
    call.setRequestHeader("Accept", "application/json");
    if (body) call.setRequestHeader("Content-Type", "application/octet-stream"); // a file's own name and type stay here
    if (onUpload) call.upload.onprogress = (event) => onUpload(event.lengthComputable ? event.loaded / event.total : 0);
    if (onUpload) call.upload.onload = () => onUpload(1);
    call.onload = () => {
      if (call.status >= 200 && call.status < 300) {
        resolve({ text: call.responseText, seconds: (performance.now() - began) / 1000 });
      } else {
        reject(Problem.read(call.status, call.responseText, call.getResponseHeader("Retry-After")));
      }
    };
    call.onerror = () => reject(new Problem({ slug: "lost" }));
    call.onabort = () => reject(stopped());
    signal?.addEventListener("abort", () => call.abort(), { once: true });
    call.send(body);
  });
}
