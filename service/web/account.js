// The page `/akun`: another password, what lets this account in, what happened to it, and its second factor.

import { deleteAt, fetchJson, postJson, Refusal } from "./api.js";
import { drawProblem, make } from "./draw.js";
import { letReveal } from "./reveal.js";
import { listen, loadFactor, redrawFactor } from "./second-factor.js";
import { speak, when, word } from "./words.js";

const at = (id) => document.getElementById(id);
let who = null;
let open = [];
let news = [];
let refusal = null;
let done = null;

at("change").addEventListener("submit", change);
listen(attempt, load);
letReveal();
speak(redraw);
attempt(load);

async function load() {
  who = await fetchJson("/v1/session");
  ({ open } = await fetchJson("/v1/account/passes"));
  ({ news } = await fetchJson("/v1/account/news"));
  await loadFactor();
}

async function change(event) {
  event.preventDefault();
  await attempt(async () => {
    await postJson("/v1/account/password", { old: at("old").value, new: at("new").value });
    at("change").reset();
    done = "changed";
    await load();
  });
}

async function end(id) {
  await attempt(async () => {
    await deleteAt(`/v1/account/passes/${id}`);
    await load();
  });
}

async function attempt(step) {
  refusal = done = null;
  try {
    await step();
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong;
    refusal = wrong;
  }
  redraw();
  if (refusal) at("problem").focus();
}

function redraw() {
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
  at("done").textContent = done ? word(done) : "";
  at("who").textContent = who ? `${who.code} · ${who.roles.map((role) => word(`role_${role}`)).join(", ")}` : "";
  at("code").value = who?.code ?? "";
  at("open").replaceChildren(...open.map(drawOpen));
  at("news").replaceChildren(...news.map(drawNews));
  redrawFactor();
}

function drawOpen(pass) {
  const heading = pass.kind === "token" ? `${word("token")} ${pass.id}` : word(pass.current ? "thisSession" : "session");
  return make(
    "li",
    "",
    make("strong", "", heading),
    make("span", "line", `${word("lastUsed")} ${when(pass.seen_at)} · ${word("until")} ${when(pass.expires_at)}`),
    pass.current ? null : drawEnd(pass),
  );
}

function drawNews({ at: moment, act, by, new: isNew }) {
  const other = by === who.code || by === "-" ? "" : ` · ${word("by")} ${by === "command line" ? word("operator") : by}`;
  return make(
    "li",
    isNew ? "new" : "",
    make("strong", "", word(`act_${act}`)),
    make("span", "line", `${isNew ? `${word("newsNew")} · ` : ""}${when(moment)}${other}`),
  );
}

function drawEnd({ id, kind }) {
  const button = make("button", "chip", word(kind === "token" ? "withdraw" : "endSession"));
  button.type = "button";
  button.addEventListener("click", () => end(id));
  return button;
}
