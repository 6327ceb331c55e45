// Sends an upload so that a bad line neither loses nor doubles it: one key per choice of photos, kept until answered.

import { fetchJson, postForm, Refusal } from "./api.js";
import { sendPart } from "./parts.js";
import { pause, persist } from "./patience.js";

const STORE = "qc-upload-keys";
const LOOK_EVERY_MS = 2000;
const MOST_KEYS = 20;

/** Sends photos of an item and returns the inspection. `demands`: what is insisted on. `tell` is told the share that
    has gone, from 0 to 1; `waiting` is called where the queue is full. */
export async function sendUpload(item, demands, photos, tell, waiting) {
  const files = photos.map(({ file }) => file);
  const choice = JSON.stringify([item, demands, ...inOneOrder(files).map(describe)]);
  const key = keyOf(choice);
  let answer;
  try {
    const form = new FormData();
    form.append("item", JSON.stringify(item));
    for (const [name, value] of Object.entries(demands)) form.append(name, value);
    for (const id of await sendParts(files, key, tell, waiting)) form.append("parts", id);
    tell(1);
    answer = await persist(() => postForm("/v1/inspections", form, { "Idempotency-Key": key }), waiting);
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

/** Sends file after file; their ids there, which are the same when the same choice is sent again. */
async function sendParts(files, key, tell, waiting) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const ordered = inOneOrder(files);
  const ids = files.map((file) => key.slice(0, -2) + inHex(ordered.indexOf(file)));
  let before = 0;
  for (const [index, file] of files.entries()) {
    await sendPart(file, ids[index], (bytes) => tell(Math.min((before + bytes) / total, 0.99)), waiting);
    before += file.size;
  }
  return ids;
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

/** A file in words that are the same when it is chosen again after the page was loaded anew. */
const describe = (file) => `${file.name}:${file.size}:${file.lastModified}`;

/** The same order whichever was chosen first, so that the same file gets the same id. */
const inOneOrder = (files) => [...files].sort((one, other) => (describe(one) < describe(other) ? -1 : 1));

const inHex = (byte) => byte.toString(16).padStart(2, "0");

function keyOf(choice) {
  const keys = read();
  const kept = keys.find(([other]) => other === choice);
  if (kept) return kept[1];
  // crypto.randomUUID wants https, which a village's own network does not have
  const random = [...crypto.getRandomValues(new Uint8Array(9))].map(inHex).join("");
  const time = Date.now().toString(16).padStart(12, "0"); // version 7 of UUIDs: an index of them grows at its end
  const key = `${time}7${random.slice(0, 3)}8${random.slice(3)}`;
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
