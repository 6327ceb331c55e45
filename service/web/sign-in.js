// The page `/masuk`: sign in or, with a one-time link behind `#`, set the password first.

import { fetchJson, postJson, Refusal } from "./api.js";
import { drawProblem, make } from "./draw.js";
import { speak, word } from "./words.js";

/** What went wrong at the identity provider, by the code of the problem. */
const FAILED = { "identity-unknown": "identityUnknown", provider: "providerAway", "too-many-tries": "tooManyTries" };

const at = (id) => document.getElementById(id);
const failed = new URLSearchParams(location.search).get("gagal");
const behind = location.hash.slice(1);
const link = failed ? "" : behind;
let refusal = failed ? new Refusal({ key: FAILED[failed] ?? "identityFailed" }) : null;
let provider = null;

if (behind) {
  history.replaceState(null, "", location.pathname + location.search); // the link stays in no history
}
if (link) {
  at("link-words").hidden = false;
  at("code-field").hidden = true;
  at("code").required = false;
  at("password").autocomplete = "new-password";
}
at("sign-in").addEventListener("submit", send);
speak(redraw);
offer();

async function offer() {
  try {
    ({ openid: provider } = await fetchJson("/v1/sign-in-ways"));
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong; // without an answer the password is still a way
  }
  at("openid").hidden = !provider || Boolean(link);
  at("openid").href = `/masuk/openid?ke=${encodeURIComponent(onward())}`;
  redraw();
}

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
  if (refusal?.key === "identityUnknown") at("problem").append(make("code", "", decodeURIComponent(behind)));
  at("openid").textContent = `${word("signInBy")} ${provider ?? ""}`;
}
