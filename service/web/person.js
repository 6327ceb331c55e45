// Who is signed in: shown in the page's head, with the way out.

import { fetchJson, Refusal } from "./api.js";
import { forgetUnsent } from "./unsent.js";

let asked = null;

/** The code of whoever is signed in, asked until it is known. */
export function whoIsIn() {
  asked ??= fetchJson("/v1/session").then(
    ({ code }) => code,
    (wrong) => {
      asked = null;
      throw wrong;
    },
  );
  return asked;
}

const button = document.getElementById("sign-out");
if (button) {
  button.addEventListener("click", leave);
  whoIsIn().then(show, (wrong) => {
    if (!(wrong instanceof Refusal)) throw wrong;
  });
}

function show(code) {
  button.textContent = `${code} · keluar`; // in words: the fonts of many phones have no sign for it
  button.setAttribute("aria-label", `${code} · keluar / sign out`);
  button.hidden = false;
}

async function leave() {
  try {
    await forgetUnsent(); // the phone may pass into other hands
    await fetch("/v1/session", { method: "DELETE" });
  } finally {
    location.assign("/masuk");
  }
}
