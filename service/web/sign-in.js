// The page `/masuk`: sign in, with a second factor where the account has one; by a one-time link behind `#`, set the password
// first.

import { fetchJson, postJson, Refusal } from "./api.js";
import { drawProblem, make } from "./draw.js";
import { letReveal } from "./reveal.js";
import { speak, word } from "./words.js";

/** What went wrong at the identity provider, by the code of the problem. */
const FAILED = { "identity-unknown": "identityUnknown", provider: "providerAway", "too-many-tries": "tooManyTries" };

const at = (id) => document.getElementById(id);
const failed = new URLSearchParams(location.search).get("gagal");
const behind = location.hash.slice(1);
const link = failed ? "" : behind;
let refusal = failed ? new Refusal({ key: FAILED[failed] ?? "identityFailed" }) : null;
let provider = null;
let opened = null; // the account of the link, once it was used

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
letReveal();
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
    if (link) opened ??= (await postJson("/v1/account-links", { link, password })).code;
    const second = at("second").value.trim() || undefined;
    await postJson("/v1/session", { code: opened ?? at("code").value.trim(), password, second_factor: second });
    location.assign(onward());
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong;
    const wanted = wrong.code === "second-factor";
    if (wanted) askSecond();
    refusal = wanted ? null : wrong;
    redraw();
    at(wanted ? "second" : "problem").focus();
  }
}

/** The password was right; a code is wanted beside it. */
function askSecond() {
  at("second-field").hidden = false;
  at("second").required = true;
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
