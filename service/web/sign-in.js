// The page `/masuk`: sign in or, with a one-time link behind `#`, set the password first.

import { postJson, Refusal } from "./api.js";
import { drawProblem } from "./draw.js";
import { speak } from "./words.js";

const at = (id) => document.getElementById(id);
const link = location.hash.slice(1);
let refusal = null;

if (link) {
  history.replaceState(null, "", location.pathname); // the link stays in no history
  at("link-words").hidden = false;
  at("code-field").hidden = true;
  at("code").required = false;
  at("password").autocomplete = "new-password";
}
at("sign-in").addEventListener("submit", send);
speak(redraw);

async function send(event) {
  event.preventDefault();
  const password = at("password").value;
  try {
    const code = link ? (await postJson("/v1/account-links", { link, password })).code : at("code").value.trim();
    await postJson("/v1/session", { code, password });
    location.assign(onward());
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong;
    refusal = wrong;
    redraw();
    at("problem").focus();
  }
}

/** The page that was asked for; only one of ours. */
function onward() {
  const wanted = new URL(new URLSearchParams(location.search).get("ke") ?? "/", location.origin);
  return wanted.origin === location.origin ? wanted.pathname : "/";
}

function redraw() {
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
}
