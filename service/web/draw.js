// Builds what is shown from what the API answers. Text enters only as text nodes, never as markup.

import { number, say, when, word } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  pass: "M5 13l5 5L20 6",
  fail: "M6 6l12 12M18 6L6 18",
  review: "M8.5 9a3.5 3.5 0 1 1 5.2 3c-1.2.7-1.7 1.3-1.7 2.6M12 18.6v.2",
  retake: "M20 5v5h-5M4 19v-5h5M19 10a7.5 7.5 0 0 0-13.4-2.4M5 14a7.5 7.5 0 0 0 13.4 2.4",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7",
  album: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9v.1",
  holds: "M5 13l5 5L20 6",
  fails: "M6 6l12 12M18 6L6 18",
  missing: "M5 12h14",
};

/** An element with a class, and children that are nodes or text. */
export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function badge(verdict) {
  return make("span", `badge ${verdict}`, icon(verdict), word(verdict));
}

export function drawProblem(refusal) {
  const sentence = refusal.messages ? say(refusal.messages) : word(refusal.key);
  return [make("h2", "", word("refused")), make("p", "", sentence)];
}

/** The whole answer: verdict, photos with reasons and figures, eligibility (null where there is none). `seeWhole` shows
    a photo itself. */
export function drawInspection(inspection, eligibility, seeWhole) {
  const several = inspection.photos.length > 1;
  return [
    drawVerdict(inspection),
    ...inspection.photos.map((photo, index) => drawPhoto(photo, several ? index + 1 : null, seeWhole)),
    drawEligibility(inspection.item.ref ? eligibility : null),
  ];
}

function drawVerdict(inspection) {
  const grades = [...new Set(inspection.photos.map((photo) => photo.grade).filter(Boolean))].sort();
  const details = [inspection.item.ref, inspection.item.village, when(inspection.created_at)].filter(Boolean).join(" · ");
  return make(
    "div",
    `verdict ${inspection.verdict}`,
    icon(inspection.verdict),
    make("h1", "", word(inspection.verdict), grades.length ? make("span", "mark", `${word("grade")} ${grades.at(-1)}`) : null),
    make("p", "", word(`${inspection.verdict}Means`)),
    make("p", "details", details),
  );
}

function drawPhoto(photo, index, seeWhole) {
  const overlay = make("img", "overlay");
  overlay.src = photo.links.overlay;
  overlay.alt = word("overlay");
  const link = make("button", "whole", word("full"));
  link.type = "button";
  link.addEventListener("click", () => seeWhole(photo));
  const heading = index === null ? null : make("h2", "", `${word("photo")} ${index}`, badge(photo.verdict));
  return make("article", "card", heading, drawReasons(photo), overlay, link, drawFigures(photo));
}

function drawReasons(photo) {
  if (photo.reasons.length === 0) return make("p", "clean", icon("pass"), word("noReasons"));
  const list = photo.reasons.map((reason) =>
    make(
      "li",
      reason.severity,
      make("p", "reason", make("span", "severity", word(reason.severity)), say(reason.message)),
      reason.advice ? make("p", "advice", make("b", "", `${word("advice")}: `), say(reason.advice)) : null,
    ),
  );
  return make("section", "", make("h3", "", word("reasons")), make("ul", "reasons", ...list));
}

function drawFigures(photo) {
  const rows = photo.density.map((reading) => {
    const scaled = reading.per_10cm !== null;
    const [low, high] = scaled ? reading.per_10cm_interval : reading.pitch_px_interval;
    const value = number(scaled ? reading.per_10cm : reading.pitch_px);
    const unit = word(scaled ? "per10cm" : "pitchPx");
    const doubt = reading.confident ? "" : ` · ${word("unsure")}`;
    return [word(reading.direction), value, `${number(low)}–${number(high)} ${unit}${doubt}`];
  });
  if (photo.openness !== null) rows.push([word("openness"), `${number(100 * photo.openness)} %`, ""]);
  if (photo.uniformity_cv !== null) rows.push([word("uniformity"), `${number(100 * photo.uniformity_cv)} %`, ""]);
  if (rows.length === 0) return make("p", "note", word("noFigures"));
  const list = rows.map(([name, value, note]) =>
    make("div", "", make("dt", "", name), make("dd", "", make("b", "", value), make("span", "", note))),
  );
  return make(
    "section",
    "",
    make("h3", "", word("figures")),
    make("dl", "figures", ...list),
    make("p", "note", tellScale(photo.scale)),
  );
}

/** Where the centimetres come from: which card, or the product's width, and how sure that is. */
function tellScale({ method, px_per_mm, relative_uncertainty, card }) {
  if (px_per_mm === null) return word("noScale");
  const off = `± ${number(100 * relative_uncertainty)} %`;
  if (method === "product") return `${word("coarseScale")} (${off})`;
  const serial = card.serial === null ? "" : ` ${word("cardNumber")} ${card.serial}`;
  return `${word("cardScale")}: ${card.id}${serial} (${off})`;
}

/** Whether it may be exported, with every rule; `eligibility` null where the basket has no code. */
export function drawEligibility(eligibility) {
  const heading = make("h2", "", word("eligibility"));
  if (eligibility === null) return make("section", "card", heading, make("p", "note", word("noRef")));
  const groups = ["fails", "missing", "holds"].map((status) => drawRules(status, eligibility.rules));
  return make(
    "section",
    "card",
    heading,
    make("p", `state ${eligibility.eligibility}`, word(eligibility.eligibility)),
    ...groups,
  );
}

function drawRules(status, all) {
  const rules = all.filter((rule) => rule.status === status);
  if (rules.length === 0) return null;
  const list = rules.map((rule) => make("li", "", icon(status), make("span", "", say(rule.message))));
  return make("div", `rules ${status}`, make("h3", "", `${word(status)} (${rules.length})`), make("ul", "", ...list));
}
