// Talks to the service. What goes wrong comes back as a Refusal with words in both languages.

export class Refusal extends Error {
  /** `messages` {id, en}, or the key of one of the page's own words; `status` of the answer, `links` it named. */
  constructor({ messages = null, key = null, status = 0, links = null }) {
    super(key ?? messages.en);
    this.messages = messages;
    this.key = key;
    this.status = status;
    this.links = links;
  }
}

export const fetchJson = (address) => ask(address, {});

export const deleteAt = (address) => ask(address, { method: "DELETE" });

/** Posts plain data; `version` says which version is superseded, null for a first one. */
export const postJson = (address, body, version = null) => sendJson("POST", address, body, version);

/** The same by another method. */
export function sendJson(method, address, body, version = null) {
  const headers = { "Content-Type": "application/json" };
  if (version !== null) headers["If-Match"] = `"${version}"`;
  return ask(address, { method, headers, body: JSON.stringify(body) });
}

/** Posts a form and tells `progress` how much has gone, from 0 to 1. */
export function postForm(address, form, progress, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
    request.addEventListener("error", () => reject(new Refusal({ key: "offline" })));
    request.addEventListener("load", () => {
      try {
        resolve(read(request.status < 300, request.responseText, request.status));
      } catch (refusal) {
        reject(refusal);
      }
    });
    request.send(form);
  });
}

async function ask(address, { headers = {}, ...more }) {
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: "application/json", ...headers }, ...more });
  } catch {
    throw new Refusal({ key: "offline" });
  }
  return read(answer.ok, await answer.text(), answer.status);
}

function read(ok, text, status) {
  if (ok && !text) return null;
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refusal({ key: "broken", status });
  }
  if (ok) return body;
  throw new Refusal(body.messages ? { messages: body.messages, status, links: body.links } : { key: "broken", status });
}
