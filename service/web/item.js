// The page `/keranjang/{ref}`: whether a basket may be exported, and all that is on record about it.

import { fetchJson, postJson, Refusal } from "./api.js";
import { badge, drawEligibility, drawProblem, make } from "./draw.js";
import { field } from "./fields.js";
import { speak, when, word } from "./words.js";

const at = (id) => document.getElementById(id);
const ref = decodeURIComponent(location.pathname.split("/").pop());

let inspections = [];
let facts = [];
let eligibility = null;
let loaded = false;
let refusal = null;

speak(redraw);
load();

async function load() {
  const query = `ref=${encodeURIComponent(ref)}&limit=100`;
  try {
    const [page, kept] = await Promise.all([
      fetchJson(`/v1/inspections?${query}`),
      fetchJson(`/v1/facts?item=${encodeURIComponent(ref)}&limit=100`),
    ]);
    inspections = page.inspections;
    facts = kept.facts.filter((fact) => fact.kind !== "photographed");
    eligibility = inspections.length ? await fetchJson(`/v1/items/${encodeURIComponent(ref)}/eligibility`) : null;
    loaded = true;
    refusal = null;
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong;
    refusal = wrong;
  }
  redraw();
}

function showRefusal() {
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
}

function redraw() {
  showRefusal();
  if (!loaded) return;
  const lot = facts.find((fact) => fact.kind === "membership")?.lot;
  const link = lot ? make("a", "", lot) : null;
  if (link) link.href = `/lot/${encodeURIComponent(lot)}`;
  at("shown").replaceChildren(
    make("h1", "", ref),
    ...(link ? [make("p", "lead", `${word("lots")} `, link)] : []),
    ...(eligibility ? [drawEligibility(eligibility)] : [make("p", "note", word("noInspections"))]),
    ...(sentBack() ? [drawMended()] : []),
    make("section", "", make("h2", "", word("story")), make("ol", "story", ...story())),
    ...(eligibility ? [drawAsk()] : []),
  );
}

/** Whether it was sent back to be mended, and nobody has said since that it was. */
function sentBack() {
  const latest = facts.find((fact) => ["disposition", "rework"].includes(fact.kind));
  return latest?.kind === "disposition" && latest.body.outcome === "rework";
}

function drawMended() {
  const button = make("button", "button primary", word("fact_rework"));
  button.type = "button";
  button.addEventListener("click", () => send("/v1/reworks", { item: ref }));
  return make("section", "card", make("p", "", word("mendedNote")), button);
}

/** Sends what was entered, then shows the basket as it is after it. */
async function send(address, entry) {
  try {
    await postJson(address, entry);
    await load();
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong;
    refusal = wrong;
    showRefusal(); // and nothing else: what was typed stays
    at("problem").focus();
  }
}

/** Inspections and facts together, newest first. */
function story() {
  const all = [
    ...inspections.map((inspection) => ({ at: inspection.created_at, node: drawInspection(inspection) })),
    ...facts.map((fact) => ({ at: fact.at, node: drawFact(fact) })),
  ];
  return all.sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).map(({ node }) => make("li", "", node));
}

function drawInspection(inspection) {
  const thumbnail = make("img", "");
  thumbnail.src = inspection.links.thumbnail;
  thumbnail.alt = "";
  thumbnail.loading = "lazy";
  const link = make(
    "a",
    "seen",
    thumbnail,
    make("span", "", make("b", "", word("inspected")), badge(inspection.verdict), make("small", "", when(inspection.created_at))),
  );
  link.href = `/pemeriksaan/${inspection.id}`;
  return link;
}

function drawFact(fact) {
  const said = [];
  if (fact.kind === "disposition") {
    said.push(word(fact.body.action));
    if (fact.body.severity) said.push(word(fact.body.severity));
    if (fact.body.reason) said.push(`“${fact.body.reason}”`);
  } else if (fact.kind === "membership") said.push(fact.lot);
  else if (["filed", "unfiled", "review_request"].includes(fact.kind) && fact.body.reason) said.push(`“${fact.body.reason}”`);
  else if (fact.kind === "check") said.push(fact.body.code, fact.body.value === null ? word(fact.body.holds ? "checkHolds" : "checkFails") : String(fact.body.value));
  const version = fact.version > 1 ? ` · ${word("version")} ${fact.version}` : "";
  const photos = make("a", "", word("thosePhotos"));
  photos.href = `/pemeriksaan/${fact.subject}`;
  return make(
    "div",
    "",
    make("b", "", word(`fact_${fact.kind}`)),
    said.length ? make("span", "", said.join(" · ")) : null,
    ["filed", "unfiled"].includes(fact.kind) ? photos : null,
    make("small", "", `${fact.by} · ${when(fact.at)}${version}`),
  );
}

function drawAsk() {
  const maker = field("maker", word("askMaker"), { required: true, maxLength: 32 });
  const why = field("why", word("askWhy"), { maxLength: 500 });
  const form = make("form", "entry", maker, why, make("button", "button", word("askSend")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const value = (name) => form.querySelector(`[name="${name}"]`).value.trim();
    send("/v1/review-requests", { by: value("maker"), item: ref, reason: value("why") || null });
  });
  return make("details", "card", make("summary", "", word("ask")), form);
}
