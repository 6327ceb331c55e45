// Sends a photo by the tus protocol: what came before the line broke stays there, and sending goes on behind it.

import { answerTo, patchBytes, read } from "./api.js";
import { Patience } from "./patience.js";

const ADDRESS = "/v1/parts";
const TUS = { "Tus-Resumable": "1.0.0" };
const SILENT_MS = 30000;

/** Returns once the photo is there as a whole; `id`: what it is called there. `tell` is told how many bytes have gone,
    `waiting` is called where the service is too busy and has named a time. */
export async function sendPart(file, id, tell, waiting) {
  let reached = -1;
  const patience = new Patience(waiting);
  for (;;) {
    try {
      const offset = await begin(file, id);
      if (offset > reached) patience.renew(); // a line that brings a little each time is not given up
      reached = offset;
      tell(offset);
      if (offset < file.size) await goOn(file, id, offset, (bytes) => tell(offset + bytes));
      return;
    } catch (wrong) {
      // 409: what went over the last line arrived after all
      await (wrong.status === 409 ? patience.bear(wrong, true) : patience.bear(wrong));
    }
  }
}

/** Announces the photo, or finds it announced before; how much of it is there. */
async function begin(file, id) {
  const said = `filename ${inBase64(file.name)},id ${inBase64(id)}`;
  const headers = { ...TUS, "Upload-Length": file.size, "Upload-Metadata": said };
  const answer = await answerTo(ADDRESS, { method: "POST", headers });
  read(answer);
  return Number(answer.headers.get("Upload-Offset"));
}

function goOn(file, id, offset, progress) {
  const headers = { ...TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": offset };
  return patchBytes(`${ADDRESS}/${id}`, file.slice(offset), headers, progress, SILENT_MS);
}

const inBase64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
