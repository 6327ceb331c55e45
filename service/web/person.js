// Who is signed in: shown in the page's head, with the way to the account and the way out.

import { deleteAt, fetchJson, Refusal } from "./api.js";
import { make } from "./draw.js";
import { forgetUnsent } from "./unsent.js";
import { word } from "./words.js";

const here = location.pathname.startsWith("/pemeriksaan/") ? "/" : `/${location.pathname.split("/")[1]}`;
document.querySelector(`.bar nav [href="${here}"]`)?.setAttribute("aria-current", "true");

const account = document.getElementById("account");
const out = document.getElementById("sign-out");
let asked = null;

/** Whoever is signed in, `code` and `roles`; asked until it is known. */
export function whoIsIn() {
  asked ??= fetchJson("/v1/session").catch((wrong) => {
    asked = null;
    throw wrong;
  });
  return asked;
}

out.addEventListener("click", leave);
whoIsIn().then(show, (wrong) => {
  if (!(wrong instanceof Refusal)) throw wrong;
});

function show({ code, news }) {
  account.replaceChildren(make("span", "code", code));
  if (news) {
    const what = make("span", "offstage", word("newsCount"));
    what.dataset.word = "newsCount";
    account.append(make("span", "told", `${news} `, what));
  }
  account.hidden = out.hidden = false;
}

async function leave() {
  let onward = "/masuk";
  try {
    await forgetUnsent(); // the phone may pass into other hands
    onward = (await deleteAt("/v1/session")).onward;
  } finally {
    location.assign(onward);
  }
}
