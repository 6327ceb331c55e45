// How long a bad line is borne, and what passes by itself.

import { Refusal } from "./api.js";

export const PAUSES_MS = [500, 1000, 2000];
const OFFLINE_MS = 60000;

/** Whether the line broke or the service was busy: then the same may succeed a little later. */
export const isPassing = (wrong) => wrong instanceof Refusal && (wrong.key === "offline" || wrong.status === 503);

/** Tries again where that may help. */
export async function persist(ask) {
  for (const wait of [...PAUSES_MS, null]) {
    try {
      return await ask();
    } catch (wrong) {
      if (!isPassing(wrong) || wait === null) throw wrong;
      await pause(wait);
    }
  }
}

/** A pause; longer where the phone knows that it has no line, and over as soon as it has one again. */
export function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, navigator.onLine ? ms : OFFLINE_MS);
    if (!navigator.onLine) addEventListener("online", resolve, { once: true });
  });
}
