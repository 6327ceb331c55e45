// Talks to the service. What goes wrong comes back as a Refusal with words in both languages.

export class Refusal extends Error {
  /** `messages` {id, en}, or the key of one of the page's own words; `code` of the problem, `status` of the answer, `links`
      it named, `afterMs` when to come again. */
  constructor({ messages = null, key = null, code = null, status = 0, links = null, afterMs = null }) {
    super(key ?? messages.en);
    this.messages = messages;
    this.key = key;
    this.code = code;
    this.status = status;
    this.links = links;
    this.afterMs = afterMs;
  }
}

export const fetchJson = (address) => ask(address, {});

export const deleteAt = (address) => ask(address, { method: "DELETE" });

export const postForm = (address, form, headers, signal) =>
  ask(address, { method: "POST", headers, body: form, signal });

/** Posts plain data; `version` says which version is superseded, null for a first one. */
export const postJson = (address, body, version = null) => sendJson("POST", address, body, version);

/** The same by another method. */
export function sendJson(method, address, body, version = null) {
  const headers = { "Content-Type": "application/json" };
  if (version !== null) headers["If-Match"] = `"${version}"`;
  return ask(address, { method, headers, body: JSON.stringify(body) });
}

/** Sends bytes and tells `progress` how many have gone; gives up a line on which nothing moves for `silentMs`. */
export function patchBytes(address, bytes, headers, progress, silentMs) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much has gone
    let watch;
    const moved = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), silentMs);
    };
    const fail = () => reject(new Refusal({ key: "offline" }));
    request.open("PATCH", address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      moved();
      progress(event.loaded);
    });
    request.addEventListener("error", fail);
    request.addEventListener("abort", fail);
    request.addEventListener("loadend", () => clearTimeout(watch));
    request.addEventListener("load", () => {
      try {
        const afterMs = inMs(request.getResponseHeader("Retry-After"));
        resolve(read({ ok: request.status < 300, status: request.status, text: request.responseText, afterMs }));
      } catch (refusal) {
        reject(refusal);
      }
    });
    moved();
    request.send(bytes);
  });
}

async function ask(address, request) {
  return read(await answerTo(address, request));
}

/** The whole answer {ok, status, headers, text, afterMs}, whatever it says. */
export async function answerTo(address, { headers = {}, ...more }) {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json", ...headers }, ...more });
    // the line may also break in the middle of an answer
    const { ok, status, headers: said } = answer;
    return { ok, status, headers: said, text: await answer.text(), afterMs: inMs(said.get("Retry-After")) };
  } catch {
    throw new Refusal({ key: "offline" });
  }
}

/** What an answer holds, null where that is nothing; a refusal is thrown. */
export function read({ ok, status, text, afterMs = null }) {
  if (ok && !text) return null;
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refusal({ key: "broken", status, afterMs });
  }
  if (ok) return body;
  const { type, messages, links } = body;
  const code = type?.split(":").pop() ?? null;
  throw new Refusal(messages ? { messages, code, status, links, afterMs } : { key: "broken", status, afterMs });
}

/** Of a header that counts seconds; null where there is none. */
const inMs = (header) => (Number(header) > 0 ? 1000 * Number(header) : null);
