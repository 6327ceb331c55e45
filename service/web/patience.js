// How long a bad line is borne, and what passes by itself.

import { Refusal } from "./api.js";

const PAUSES_MS = [500, 1000, 2000];
const OFFLINE_MS = 60000;
const IN_LINE_MS = 15 * 60000;

/** Whether the line broke or the service was busy: then the same may succeed a little later. */
const isPassing = (wrong) => wrong instanceof Refusal && (wrong.key === "offline" || wrong.status === 503);

/** Bears what goes wrong a few times, with growing pauses; who is told when to come again comes then, for a quarter of
    an hour. `waiting` is called before such a wait. */
export class Patience {
  #tries = 0;
  #until = Date.now() + IN_LINE_MS;

  constructor(waiting = () => {}) {
    this.waiting = waiting;
  }

  /** Something was reached: it counts anew. */
  renew() {
    this.#tries = 0;
  }

  /** Returns when to try again; throws what cannot be borne. `passing`: whether it passes by itself. */
  async bear(wrong, passing = isPassing(wrong)) {
    if (!passing) throw wrong;
    if (wrong.afterMs && Date.now() + wrong.afterMs < this.#until) {
      this.waiting();
      await pause(wrong.afterMs);
    } else {
      if (this.#tries === PAUSES_MS.length) throw wrong;
      await pause(PAUSES_MS[this.#tries++]);
    }
  }
}

/** Tries again where that may help. */
export async function persist(ask, waiting) {
  const patience = new Patience(waiting);
  for (;;) {
    try {
      return await ask();
    } catch (wrong) {
      await patience.bear(wrong);
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
