// Sends an upload so that a bad line neither loses nor doubles it: one key per choice of photos, kept until answered.

import { fetchJson, postForm, Refusal } from "./api.js";

const STORE = "qc-upload-keys";
const PAUSES_MS = [500, 1000, 2000];
const LOOK_EVERY_MS = 2000;
const MOST_KEYS = 20;

/** Sends the form and returns the inspection. `tell` is told the share that has gone, from 0 to 1. */
export async function sendUpload(form, photos, tell) {
  const choice = describe(form, photos);
  const key = keyOf(choice);
  let answer;
  try {
    answer = await persist(() => postForm("/v1/inspections", form, tell, { "Idempotency-Key": key }));
  } catch (refusal) {
    // only where the service refused it for good is there nothing left to ask for under this key: whose session
    // has ended may have been accepted before, without hearing of it
    if (refusal.links) answer = refusal;
    else {
      const final = refusal.status >= 400 && refusal.status < 500 && ![401, 408, 429].includes(refusal.status);
      if (final) forget(choice);
      throw refusal;
    }
  }
  // `links.self` of an upload says where its verdict will be told; an inspection has no links
  const inspection = answer.links?.self ? await follow(answer.links.self, tell) : answer;
  forget(choice);
  return inspection;
}

async function follow(link, tell) {
  tell(1);
  for (;;) {
    const upload = await persist(() => fetchJson(link));
    if (upload.state === "done") return persist(() => fetchJson(upload.links.inspection));
    if (upload.messages) throw new Refusal({ messages: upload.messages });
    await pause(LOOK_EVERY_MS);
  }
}

/** Tries again where the line broke or the service was busy. */
async function persist(ask) {
  for (const wait of [...PAUSES_MS, null]) {
    try {
      return await ask();
    } catch (wrong) {
      const passing = wrong instanceof Refusal && (wrong.key === "offline" || wrong.status === 503);
      if (!passing || wait === null) throw wrong;
      await pause(wait);
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What was chosen, in words that are the same when it is chosen again after the page was loaded anew. */
function describe(form, photos) {
  const files = photos.map(({ file }) => `${file.name}:${file.size}:${file.lastModified}`).sort();
  return JSON.stringify([form.get("item"), form.get("by"), ...files]);
}

function keyOf(choice) {
  const keys = read();
  const kept = keys.find(([other]) => other === choice);
  if (kept) return kept[1];
  // crypto.randomUUID wants https, which a village's own network does not have
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const key = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  write([...keys, [choice, key]].slice(-MOST_KEYS));
  return key;
}

const forget = (choice) => write(read().filter(([other]) => other !== choice));

function read() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) ?? [];
  } catch {
    return []; // a browser that keeps nothing still sends
  }
}

function write(keys) {
  try {
    localStorage.setItem(STORE, JSON.stringify(keys));
  } catch {
    // then a reload draws a new key
  }
}
