// The operating characteristic of a sampling plan, as a plot in SVG.

import { number, word } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 420; // so that its words are still read on a phone
const HEIGHT = 300;
const LEFT = 56;
const BOTTOM = 52;
const TOP = 14;
const RIGHT = 16;
const GRID = [0, 0.25, 0.5, 0.75, 1];
const SHOWN_FROM = 0.005; // what is accepted more rarely than this is flat on the axis

/** One line per class: how likely a lot is accepted, by the share of its units that are nonconforming; and a thin one
    for the machine alone, where it was measured. */
export function drawCurves(plan) {
  const curves = plan.curves.filter((curve) => curve.plan.aql !== null);
  const far = Math.max(0.05, ...curves.flatMap((c) => c.points.filter((p) => p.accepted > SHOWN_FROM).map((p) => p.fraction)));
  const end = Math.min(1, Math.ceil(far * 20) / 20);
  const x = (fraction) => LEFT + (fraction / end) * (WIDTH - LEFT - RIGHT);
  const y = (accepted) => TOP + (1 - accepted) * (HEIGHT - TOP - BOTTOM);
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "curve" });
  svg.append(label("title", word("curve")));
  for (const share of GRID) {
    svg.append(node("path", { d: `M${LEFT} ${y(share)}H${WIDTH - RIGHT}`, class: "grid" }));
    svg.append(text(number(100 * share, 0), LEFT - 8, y(share) + 5, "end"));
    svg.append(text(number(100 * share * end, 1), x(share * end), HEIGHT - BOTTOM + 22, "middle"));
  }
  svg.append(text(word("curveX"), (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle"));
  const side = text(word("curveY"), 0, 0, "middle");
  side.setAttribute("transform", `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`);
  svg.append(side);
  const path = (points) =>
    points
      .filter((point) => point.fraction <= end)
      .map((point, n) => `${n ? "L" : "M"}${x(point.fraction).toFixed(1)} ${y(point.accepted).toFixed(1)}`)
      .join("");
  for (const curve of plan.machine?.curves.filter((of) => of.plan.aql !== null) ?? []) {
    svg.append(node("path", { d: path(curve.points), class: `machine ${curve.plan.severity}` }));
  }
  curves.forEach((curve, index) => {
    svg.append(node("path", { d: path(curve.points), class: `line ${curve.plan.severity}` }));
    const name = text(`${word(curve.plan.severity)} (n ${curve.plan.n}, Ac ${curve.plan.ac})`, WIDTH - RIGHT - 6, TOP + 20 + 24 * index, "end");
    name.setAttribute("class", curve.plan.severity);
    svg.append(name);
  });
  return svg;
}

function node(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function label(tag, words) {
  const made = node(tag, {});
  made.textContent = words;
  return made;
}

function text(words, x, y, anchor) {
  const made = label("text", words);
  for (const [name, value] of Object.entries({ x, y, "text-anchor": anchor })) made.setAttribute(name, value);
  return made;
}
