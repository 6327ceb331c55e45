// Asks whether a chosen photo may be sent, with a small copy of it, while nobody waits for the answer. Where nobody can
// tell (no line, a busy service, a file that is no photo) nothing is said: the photo itself is judged when it is sent.

import { postForm } from "./api.js";

const SIDE_PX = 1280;
const JPEG_QUALITY = 0.8;
const GIVEN_UP_MS = 20000;

let turn = Promise.resolve(); // one photo at a time, so that neither the phone nor its line is crowded

/** What to mend on the photo first, {id, en}; null where nothing is known. `fields`: what is insisted on. `question`:
    an AbortController, aborted where nobody wants to know any more. */
export function checkPhoto(file, fields, question) {
  const answer = turn.then(() => ask(file, fields, question)).catch(() => null);
  turn = answer;
  return answer;
}

async function ask(file, fields, question) {
  question.signal.throwIfAborted();
  const { copy, longSidePx } = await reduce(file);
  const form = new FormData();
  form.append("photo", copy);
  form.append("long_side_px", longSidePx);
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const late = setTimeout(() => question.abort(), GIVEN_UP_MS);
  try {
    const { reasons } = await postForm("/v1/photo-checks", form, {}, question.signal);
    return reasons[0]?.message ?? null; // what to mend first comes first
  } finally {
    clearTimeout(late);
  }
}

async function reduce(file) {
  const photo = await createImageBitmap(file);
  const longSidePx = Math.max(photo.width, photo.height);
  const scale = Math.min(1, SIDE_PX / longSidePx);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(scale * photo.width);
  canvas.height = Math.round(scale * photo.height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high"; // as the service reduces: sharpness is told from it
  context.drawImage(photo, 0, 0, canvas.width, canvas.height);
  photo.close();
  const copy = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
  return { copy, longSidePx };
}
