// The page `/riwayat`: kept inspections, newest first, with filters that stay in the address.

import { fetchJson, Refusal } from "./api.js";
import { badge, drawProblem, make } from "./draw.js";
import { number, speak, when, word } from "./words.js";

const at = (id) => document.getElementById(id);
const FILTERS = ["verdict", "ref", "village"];
const VERDICTS = ["pass", "fail", "review", "retake"];

let inspections = [];
let nextCursor = null;
let loaded = false;
let refusal = null;
let verdict = new URLSearchParams(location.search).get("verdict") ?? "";

for (const key of ["ref", "village"]) at(key).value = new URLSearchParams(location.search).get(key) ?? "";
at("filters").addEventListener("submit", filter);
at("verdict").addEventListener("change", () => (verdict = at("verdict").value));
at("older").addEventListener("click", load);

speak(redraw);
load();

function filter(event) {
  event.preventDefault();
  inspections = [];
  nextCursor = null;
  history.replaceState(null, "", `/riwayat?${wanted()}`);
  load();
}

function wanted() {
  const values = FILTERS.map((key) => [key, key === "verdict" ? verdict : at(key).value.trim()]);
  return new URLSearchParams(values.filter(([, value]) => value));
}

async function load() {
  const query = wanted();
  if (nextCursor) query.set("cursor", nextCursor);
  refusal = null;
  try {
    const page = await fetchJson(`/v1/inspections?${query}`);
    inspections = [...inspections, ...page.inspections];
    nextCursor = page.next_cursor;
    loaded = true;
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong;
    refusal = wrong;
  }
  redraw();
}

function redraw() {
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
  at("verdict").replaceChildren(
    new Option(word("all"), ""),
    ...VERDICTS.map((name) => new Option(word(name), name, false, name === verdict)),
  );
  at("inspections").replaceChildren(...inspections.map(drawRow));
  const none = loaded && inspections.length === 0;
  at("count").textContent = none ? word("noInspections") : inspections.length ? `${number(inspections.length)} ${word("shownCount")}` : "";
  at("older").hidden = nextCursor === null;
}

function drawRow(inspection) {
  const thumbnail = make("img", "");
  thumbnail.src = inspection.links.thumbnail;
  thumbnail.alt = "";
  thumbnail.loading = "lazy";
  const where = [inspection.item.village, `${inspection.photo_count} ${word("photos")}`].filter(Boolean).join(" · ");
  const title = make("strong", "", inspection.item.ref ?? word("noCode"));
  const lines = [where, when(inspection.created_at)].map((line) => make("span", "line", line));
  const link = make("a", "", thumbnail, make("div", "", badge(inspection.verdict), title, ...lines));
  link.href = `/pemeriksaan/${inspection.id}`;
  return make("li", "", link);
}
