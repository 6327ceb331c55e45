// The page `/antrean`: one basket after the other, decided with a key or a thumb.

import { fetchJson, postJson, Refusal } from "./api.js";
import { badge, drawProblem, icon, make } from "./draw.js";
import { number, say, speak, when, word } from "./words.js";

const at = (id) => document.getElementById(id);
const RANK = ["critical", "major", "minor"];
const KEYS = { 1: "confirm", 2: "overrule", 3: "rework", 4: "reinspect" };
const REASONS = {
  found: ["reasonShadow", "reasonPattern", "reasonMended"], // where the machine found something
  clean: ["reasonHole", "reasonSharp", "reasonMould"], // where it found nothing
};
const DECIDED_MEANWHILE = [409, 412, 428]; // somebody else was faster: the version that we saw is not the last
const lot = new URLSearchParams(location.search).get("lot");

let reviews = [];
let nextCursor = null; // of what waits behind those
let skipped = new Set(); // ids of the inspections left for later
let forOthers = 0;
let loaded = false;
let chosen = null; // the class of defect that the person sees, null for none
let asking = null; // the action whose reason is being asked for
let reason = "";
let last = null; // the review that was decided last, with the version that its decision made
let refusal = null;
let busy = false;

document.addEventListener("keydown", press);

speak(redraw);
load();

async function load(after = null) {
  try {
    const queue = await fetchJson(address(null));
    reviews = queue.reviews;
    nextCursor = queue.next_cursor;
    skipped = new Set();
    forOthers = queue.for_others;
    loaded = true;
    refusal = after;
    start();
  } catch (wrong) {
    refuse(wrong);
  }
}

/** Of a page of the queue, the first or the one after it. */
function address(cursor) {
  const asked = Object.entries({ lot, cursor }).filter(([, value]) => value !== null);
  return `/v1/reviews?${new URLSearchParams(asked)}`;
}

/** Makes ready for the first of the queue. */
function start() {
  asking = null;
  chosen = reviews.length ? worst(reviews[0].inspection) : null;
  redraw();
  at(refusal ? "problem" : "shown").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

/** The heaviest class that the machine names, null where it found nothing. */
function worst(inspection) {
  const found = new Set(inspection.photos.flatMap((photo) => photo.reasons.map((reason) => reason.severity)));
  return RANK.find((severity) => found.has(severity)) ?? null;
}

/** What may be decided: nothing can be said of photos that could not be graded. */
function actions({ verdict }) {
  return Object.entries(KEYS).filter(([, action]) => verdict !== "retake" || ["rework", "reinspect"].includes(action));
}

function press(event) {
  const typing = event.target.closest("input:not([type=radio]), textarea, select");
  const other = event.ctrlKey || event.metaKey || event.altKey || event.repeat || busy; // a key held down decides one basket
  if (event.key === "Escape" && asking) back();
  else if (typing || other || asking) return;
  else if (event.key.toLowerCase() === "u" && last) change();
  else if (reviews.length === 0) return;
  else if (event.key.toLowerCase() === "l") skip();
  else {
    const pressed = actions(reviews[0].inspection).find(([key]) => key === event.key);
    if (!pressed) return;
    event.preventDefault(); // or the figure lands in the reason
    act(pressed[1]);
  }
}

/** Leaves a basket for later: after all others, also those that are not here yet. */
async function skip() {
  if (busy) return;
  busy = true;
  try {
    skipped.add(reviews[0].inspection.id);
    reviews = [...reviews.slice(1), reviews[0]];
    if (nextCursor && skipped.has(reviews[0].inspection.id)) {
      const queue = await fetchJson(address(nextCursor));
      reviews = [...queue.reviews, ...reviews];
      nextCursor = queue.next_cursor;
    }
    refusal = null;
    start();
  } catch (wrong) {
    refuse(wrong);
  } finally {
    busy = false;
  }
}

/** Lays the basket that was decided last before the person again; a new decision supersedes the one made. */
function change() {
  if (busy) return;
  reviews = [last, ...reviews];
  last = null;
  start();
}

function act(action) {
  if (action === "overrule" || (action === "rework" && chosen === null)) ask(action);
  else decide(action, action === "reinspect" ? null : chosen, null);
}

function ask(action) {
  asking = action;
  reason = "";
  chosen = refuses(action) ? "major" : null;
  redraw();
  at("reason").focus();
}

function back() {
  asking = null;
  chosen = worst(reviews[0].inspection);
  redraw();
  at("shown").focus({ preventScroll: true });
}

/** Whether the action says that the basket does not conform, so that a class must be named. */
const refuses = (action) => action === "rework" || reviews[0].inspection.verdict === "pass";

async function decide(action, severity, why) {
  if (busy) return;
  busy = true;
  const { inspection, version } = reviews[0];
  try {
    const decision = { inspection_id: inspection.id, action, severity, reason: why };
    const kept = await postJson("/v1/dispositions", decision, version);
    last = { ...reviews[0], version: kept.version, decided: action };
    reviews = reviews.slice(1);
    refusal = null;
    if (reviews.length === 0 && nextCursor) await load();
    else start();
  } catch (wrong) {
    if (wrong instanceof Refusal && DECIDED_MEANWHILE.includes(wrong.status)) await load(new Refusal({ key: "decidedMeanwhile" }));
    else refuse(wrong);
  } finally {
    busy = false;
  }
}

function refuse(wrong) {
  if (!(wrong instanceof Refusal)) throw wrong;
  refusal = wrong;
  redraw();
  at("problem").focus();
}

function redraw() {
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
  at("count").textContent = loaded ? count() : "";
  at("last").hidden = last === null;
  at("last").replaceChildren(...(last ? drawLast() : []));
  at("shown").replaceChildren(...(loaded ? draw() : []));
}

function count() {
  const parts = [];
  if (reviews.length) parts.push(`${number(reviews.length)}${nextCursor ? "+" : ""} ${word("queueLeft")}`);
  if (forOthers) parts.push(`${number(forOthers)} ${word("queueForOthers")}`);
  if (lot) parts.push(lot);
  return parts.join(" · ");
}

function drawLast() {
  const anew = make("button", "plain inline", keyed("U"), word("changeDecision"));
  anew.type = "button";
  anew.addEventListener("click", change);
  return [`${last.inspection.item.ref ?? word("noCode")}: ${word(last.decided)} `, anew];
}

function draw() {
  if (reviews.length === 0) {
    const link = make("a", "button", word("lots"));
    link.href = lot ? `/lot/${encodeURIComponent(lot)}` : "/lot";
    const done = make("p", "clean", icon("pass"), word("queueDone"));
    done.id = "subject";
    return [done, link];
  }
  const { why, request, inspection } = reviews[0];
  const photos = inspection.photos.map((photo, index) => {
    const overlay = make("img", "overlay");
    overlay.src = photo.links.overlay;
    overlay.alt = `${word("overlay")} (${index + 1} / ${inspection.photos.length})`;
    return overlay;
  });
  const history = make("a", "whole", word("itemHeading"));
  history.href = `/keranjang/${encodeURIComponent(inspection.item.ref ?? "")}`;
  const whole = make("a", "whole", word("wrongBasket"));
  whole.href = `/pemeriksaan/${inspection.id}`;
  const heading = make("h2", "", inspection.item.ref ?? word("noCode"), " ", badge(inspection.verdict));
  heading.id = "subject"; // what a screen reader says when the next basket is shown
  const panel = make(
    "div",
    "decide",
    make("p", `why ${why}`, word(`why_${why}`), request ? make("q", "", request) : null),
    heading,
    make("p", "note", [inspection.item.village, when(inspection.created_at)].filter(Boolean).join(" · ")),
    drawReasons(inspection),
    inspection.item.ref ? history : null,
    whole,
    ...(asking ? drawAsking(inspection) : drawActions(inspection)),
  );
  return [make("div", "reviewing", make("div", "photos", ...photos), panel)];
}

function drawReasons(inspection) {
  const reasons = inspection.photos.flatMap((photo) => photo.reasons);
  if (reasons.length === 0) return make("p", "clean", icon("pass"), word("noReasons"));
  const list = reasons.map((reason) =>
    make("li", reason.severity, make("p", "reason", make("span", "severity", word(reason.severity)), say(reason.message))),
  );
  return make("ul", "reasons", ...list);
}

function drawActions(inspection) {
  const buttons = actions(inspection).map(([key, action], index) => {
    const node = make("button", index === 0 ? "button primary" : "button", keyed(key), word(action));
    node.type = "button";
    node.setAttribute("aria-keyshortcuts", key);
    node.addEventListener("click", () => act(action));
    return node;
  });
  const later = make("button", "plain", word("skipThis"));
  later.type = "button";
  later.setAttribute("aria-keyshortcuts", "L");
  later.addEventListener("click", skip);
  return [
    drawSeverities(inspection.verdict === "pass" ? [null, "minor"] : RANK),
    make("div", "actions", ...buttons),
    later,
    make("p", "note keys", word("keys")),
  ];
}

/** A key on its cap, for the eye; a screen reader is told by `aria-keyshortcuts`. */
function keyed(key) {
  const cap = make("kbd", "", key);
  cap.setAttribute("aria-hidden", "true");
  return cap;
}

function drawSeverities(offered) {
  const choices = offered.map((severity) => {
    const radio = make("input", "");
    radio.type = "radio";
    radio.name = "severity";
    radio.checked = severity === chosen;
    radio.addEventListener("change", () => (chosen = severity));
    return make("label", "choice", radio, word(severity ?? "none"));
  });
  return make("fieldset", "severities", make("legend", "", word("worstSeen")), make("div", "", ...choices));
}

/** Asks for the reason, which an overruling must have, and for the class that the person sees. */
function drawAsking(inspection) {
  const field = make("input", "");
  field.id = "reason";
  field.maxLength = 500;
  field.required = asking === "overrule";
  field.value = reason;
  field.addEventListener("input", () => (reason = field.value));
  field.setAttribute("aria-describedby", "reason-note");
  const label = make("label", "", word(field.required ? "reason" : "askWhy"));
  label.htmlFor = "reason";
  const note = make("p", "note", word("reasonNote"));
  note.id = "reason-note";
  const ready = REASONS[refuses(asking) ? "clean" : "found"].map((key) => {
    const chip = make("button", "chip", word(key));
    chip.type = "button";
    chip.addEventListener("click", () => {
      field.value = reason = word(key);
      field.focus();
    });
    return chip;
  });
  const keep = make("button", "button primary", word("keep"));
  const leave = make("button", "button", word("back"));
  leave.type = "button";
  leave.addEventListener("click", back);
  const form = make(
    "form",
    "overrule",
    make("h3", "", word(asking)),
    make("div", "field", label, field, note),
    make("div", "chips", ...ready),
    drawSeverities(refuses(asking) ? RANK : [null, "minor"]),
    make("div", "actions two", keep, leave),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    decide(asking, chosen, reason.trim() || null);
  });
  return [form];
}
