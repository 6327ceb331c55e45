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
const lot = new URLSearchParams(location.search).get("lot");

let reviews = [];
let more = false;
let loaded = false;
let chosen = null; // the class of defect that the person sees, null for none
let overruling = false;
let refusal = null;
let busy = false;

document.addEventListener("keydown", press);

speak(redraw);
load();

async function load() {
  try {
    const queue = await fetchJson(`/v1/reviews${lot ? `?lot=${encodeURIComponent(lot)}` : ""}`);
    reviews = queue.reviews;
    more = queue.more;
    loaded = true;
    refusal = null;
    start();
  } catch (wrong) {
    refuse(wrong);
  }
}

/** Makes ready for the first of the queue. */
function start() {
  overruling = false;
  chosen = reviews.length ? worst(reviews[0].inspection) : null;
  redraw();
  at("shown").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

/** The heaviest class that the machine names, null where it found nothing. */
function worst(inspection) {
  const found = new Set(inspection.photos.flatMap((photo) => photo.reasons.map((reason) => reason.severity)));
  return RANK.find((severity) => found.has(severity)) ?? null;
}

function press(event) {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && overruling) {
    overruling = false;
    redraw();
  } else if (typing || event.ctrlKey || event.metaKey || event.altKey || reviews.length === 0) {
    return;
  } else if (event.key.toLowerCase() === "l") {
    skip();
  } else if (KEYS[event.key]) {
    event.preventDefault(); // or the figure lands in the reason
    act(KEYS[event.key]);
  }
}

function skip() {
  reviews = [...reviews.slice(1), reviews[0]];
  start();
}

function act(action) {
  if (action === "overrule") {
    overruling = true;
    chosen = reviews[0].inspection.verdict === "pass" ? "major" : null;
    redraw();
    at("reason").focus();
    return;
  }
  decide(action, action === "reinspect" ? null : chosen, null);
}

async function decide(action, severity, reason) {
  if (busy) return;
  busy = true;
  const { inspection, version } = reviews[0];
  try {
    await postJson("/v1/dispositions", { inspection_id: inspection.id, action, severity, reason }, version);
    reviews = reviews.slice(1);
    refusal = null;
    if (reviews.length === 0 && more) await load();
    else start();
  } catch (wrong) {
    refuse(wrong);
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
  at("count").textContent = loaded && reviews.length ? `${number(reviews.length)}${more ? "+" : ""} ${word("queueLeft")}${lot ? ` · ${lot}` : ""}` : "";
  at("shown").replaceChildren(...(loaded ? draw() : []));
}

function draw() {
  if (reviews.length === 0) {
    const link = make("a", "button", word("lots"));
    link.href = lot ? `/lot/${encodeURIComponent(lot)}` : "/lot";
    return [make("p", "clean", icon("pass"), word("queueDone")), link];
  }
  const { why, inspection } = reviews[0];
  const photos = inspection.photos.map((photo) => {
    const overlay = make("img", "overlay");
    overlay.src = photo.links.overlay;
    overlay.alt = word("overlay");
    return overlay;
  });
  const history = make("a", "whole", word("itemHeading"));
  history.href = `/keranjang/${encodeURIComponent(inspection.item.ref ?? "")}`;
  const whole = make("a", "whole", word("wrongBasket"));
  whole.href = `/pemeriksaan/${inspection.id}`;
  const panel = make(
    "div",
    "decide",
    make("p", `why ${why}`, word(`why_${why}`)),
    make("h2", "", inspection.item.ref ?? word("noCode"), badge(inspection.verdict)),
    make("p", "note", [inspection.item.village, when(inspection.created_at)].filter(Boolean).join(" · ")),
    drawReasons(inspection),
    inspection.item.ref ? history : null,
    whole,
    ...(overruling ? drawOverrule(inspection) : drawActions(inspection)),
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
  const button = (key, action, style) => {
    const node = make("button", `button ${style}`, make("kbd", "", key), word(action));
    node.type = "button";
    node.addEventListener("click", () => act(action));
    return node;
  };
  const later = make("button", "plain", word("skipThis"));
  later.type = "button";
  later.addEventListener("click", skip);
  return [
    drawSeverities(inspection.verdict === "pass" ? [null, "minor"] : RANK),
    make(
      "div",
      "actions",
      button("1", "confirm", "primary"),
      button("2", "overrule", ""),
      button("3", "rework", ""),
      button("4", "reinspect", ""),
    ),
    later,
    make("p", "note keys", word("keys")),
  ];
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

function drawOverrule(inspection) {
  const reason = make("input", "");
  reason.id = "reason";
  reason.maxLength = 500;
  reason.required = true;
  reason.setAttribute("aria-describedby", "reason-note");
  const label = make("label", "", word("reason"));
  label.htmlFor = "reason";
  const note = make("p", "note", word("reasonNote"));
  note.id = "reason-note";
  const ready = REASONS[inspection.verdict === "pass" ? "clean" : "found"].map((key) => {
    const chip = make("button", "chip", word(key));
    chip.type = "button";
    chip.addEventListener("click", () => {
      reason.value = word(key);
      reason.focus();
    });
    return chip;
  });
  const keep = make("button", "button primary", word("keep"));
  const back = make("button", "button", word("back"));
  back.type = "button";
  back.addEventListener("click", () => {
    overruling = false;
    chosen = worst(inspection);
    redraw();
  });
  const form = make(
    "form",
    "overrule",
    make("h3", "", word("overrule")),
    make("div", "field", label, reason, note),
    make("div", "chips", ...ready),
    drawSeverities(inspection.verdict === "pass" ? RANK : [null, "minor"]),
    make("div", "actions two", keep, back),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    decide("overrule", chosen, reason.value.trim());
  });
  return [form];
}
