// The pages `/lot` (all lots, a new one) and `/lot/{id}`: the board that says what a lot still lacks.

import { fetchJson, postJson, Refusal } from "./api.js";
import { drawProblem, icon, make } from "./draw.js";
import { field, select } from "./fields.js";
import { drawCurves } from "./curve.js";
import { drawPlanTable } from "./plan.js";
import { number, say, speak, when, word } from "./words.js";

const at = (id) => document.getElementById(id);
const lotId = decodeURIComponent(location.pathname.match(/^\/lot\/([^/]+)$/)?.[1] ?? "");
const TREATMENTS = ["heat", "kiln_drying", "methyl_bromide", "phosphine", "other"];
const PARTS = ["eceng_gondok", "mendong", "pelepah_pisang", "frame"];
const STATES = ["not_eligible", "on_hold", "eligible"];
const STATE_ICONS = { not_eligible: "fails", on_hold: "missing", eligible: "holds" };
const STATUS_RANK = ["fails", "missing"];

let lots = [];
let nextCursor = null;
let specs = [];
let board = null;
let plan = null;
let certificates = [];
let loaded = false;
let refusal = null;

speak(redraw);
load();

async function load() {
  try {
    if (lotId) {
      const address = `/v1/lots/${encodeURIComponent(lotId)}`;
      const issued = `/v1/facts?kind=certificate&lot=${encodeURIComponent(lotId)}`;
      const answers = await Promise.all([address, `${address}/plan`, issued].map(fetchJson));
      [board, plan] = answers;
      certificates = answers[2].facts;
    } else {
      const [page, offered] = await Promise.all([fetchJson("/v1/lots"), fetchJson("/v1/specs")]);
      lots = page.lots;
      nextCursor = page.next_cursor;
      specs = offered.filter((spec) => spec.has_sampling);
    }
    loaded = true;
    refusal = null;
    redraw();
  } catch (wrong) {
    refuse(wrong);
  }
}

async function older() {
  const page = await fetchJson(`/v1/lots?cursor=${encodeURIComponent(nextCursor)}`);
  lots = [...lots, ...page.lots];
  nextCursor = page.next_cursor;
  redraw();
}

/** Sends what was entered, then shows the lot as it is after it. */
async function send(address, entry, { then = load, version = null } = {}) {
  try {
    await postJson(address, entry, version);
    await then();
  } catch (wrong) {
    refuse(wrong);
  }
}

function refuse(wrong) {
  if (!(wrong instanceof Refusal)) throw wrong;
  refusal = wrong;
  at("problem").hidden = false;
  at("problem").replaceChildren(...drawProblem(refusal));
  at("problem").focus();
}

function redraw() {
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
  if (loaded) at("shown").replaceChildren(...(board ? drawBoard() : drawLots()));
}

function drawLots() {
  const rows = lots.map((lot) => {
    const link = make(
      "a",
      "lot",
      make("strong", "", lot.id),
      make("span", `state ${lot.verdict}`, word(lot.verdict)),
      make("span", "line", `${lot.group} · ${number(lot.size)} ${word("baskets")} · ${word("sampleOf")} ${number(lot.sample_size)}`),
      make("span", "line", when(lot.formed_at)),
    );
    link.href = `/lot/${encodeURIComponent(lot.id)}`;
    return make("li", "", link);
  });
  const more = make("button", "button", word("older"));
  more.addEventListener("click", older);
  return [
    make("h1", "", word("lotsHeading")),
    rows.length ? make("ul", "lots", ...rows) : make("p", "note", word("noLots")),
    ...(nextCursor ? [more] : []),
    drawNewLot(),
  ];
}

function drawNewLot() {
  const spec = select("spec", word("spec"), specs.map((other) => [other.id, say(other.title)]));
  const units = field("units", word("units"), { tag: "textarea", rows: 6, note: word("unitsNote"), required: true });
  return entryForm("newLot", "form", [field("lot-id", word("lotId"), { required: true, maxLength: 64 }), field("group", word("group"), { required: true, maxLength: 64 }), spec, units], (value) =>
    send(
      "/v1/lots",
      {
        id: value("lot-id"),
        group: value("group"),
        spec: value("spec"),
        units: value("units").split(/[\s,;]+/).filter(Boolean),
      },
      { then: () => location.assign(`/lot/${encodeURIComponent(value("lot-id"))}`) },
    ),
  );
}

function drawBoard() {
  const { lot, decision, decided } = board;
  const state = decided ? decided.body.verdict : decision.verdict;
  const changed = board.changed_since_decided ? make("p", "state on_hold", word("changedSince")) : null;
  return [
    make(
      "div",
      "heading",
      make(
        "div",
        "",
        make("h1", "", lot.id),
        make("p", "lead", `${lot.group} · ${number(lot.units.length)} ${word("baskets")} · ${when(lot.formed_at)}`),
      ),
      make(
        "p",
        `state big ${state}`,
        word(state),
        decided ? make("small", "", `${word("decidedBy")} ${decided.by} · ${when(decided.at)}`) : null,
      ),
    ),
    ...(changed ? [changed] : []),
    drawCounts(),
    make("div", "columns", make("div", "", drawDecide(), drawMissing()), make("div", "", drawPlan())),
    drawCheckEntry(),
    drawTreatmentEntry(),
    drawLaceyEntry(),
    drawUnits(),
  ];
}

function drawCounts() {
  const parts = STATES.map((state) => {
    const node = make("div", state, make("b", "", number(board.counts[state])), make("span", "", word(state)));
    return node;
  });
  return make("div", "counts", ...parts);
}

/** What stands in the way, over all baskets: what fails first, then what most of them lack. */
function drawMissing() {
  const groups = new Map();
  for (const unit of board.units) {
    for (const rule of unit.eligibility.rules) {
      if (rule.status === "holds") continue;
      const key = `${rule.status}|${rule.message.en}`;
      if (!groups.has(key)) groups.set(key, { rule, units: [] });
      groups.get(key).units.push(unit.ref);
    }
  }
  const ordered = [...groups.values()].sort(
    (a, b) => STATUS_RANK.indexOf(a.rule.status) - STATUS_RANK.indexOf(b.rule.status) || b.units.length - a.units.length,
  );
  const heading = make("h2", "", word("lotMissing"));
  if (ordered.length === 0) return make("section", "card", heading, make("p", "clean", icon("pass"), word("lotComplete")));
  const rows = ordered.map(({ rule, units }) => {
    const all = units.length === board.units.length;
    const few = units.length <= 5 ? units.join(", ") : `${number(units.length)} ${word("baskets")}`;
    return make(
      "li",
      rule.status,
      icon(rule.status),
      make("span", "", say(rule.message), make("small", "", all ? word("allBaskets") : few)),
    );
  });
  return make("section", "card missing", heading, make("ul", "", ...rows));
}

function drawDecide() {
  if (board.decided && !board.changed_since_decided) {
    return make("div", "", ...certificates.map(drawCertificateLink), drawIssue());
  }
  if (board.decision.verdict === "open") {
    const link = make("a", "button primary", word("toQueue"));
    link.href = `/antrean?lot=${encodeURIComponent(lotId)}`;
    return link;
  }
  return entryForm("decideLot", "decideLot", [], (value) =>
    send(`/v1/lots/${encodeURIComponent(lotId)}/decision`, {}, { version: board.decided?.version ?? null }), true,
  );
}

function drawCertificateLink(fact) {
  const link = make("a", "button primary", `${word("certificateHeading")} · ${when(fact.at)}`);
  link.href = `/sertifikat/${fact.subject}`;
  return link;
}

function drawIssue() {
  const address = `/v1/lots/${encodeURIComponent(lotId)}/certificates`;
  return entryForm("issueCertificate", "issueCertificate", [], (value) => send(address, {}), certificates.length === 0);
}

function drawPlan() {
  const classes = board.decision.classes.map((of) => ({ plan: of.plan, found: of.nonconforming.length, verdict: of.verdict }));
  const { standard, level, code } = plan.plan;
  return make(
    "section",
    "card plan",
    make("h2", "", word("plan")),
    make("p", "note", `${word("planStandard")} ${standard}, ${level}, ${code}`),
    drawPlanTable(classes),
    make("p", "note", `${word("seed")}: ${board.lot.seed}`),
    make("h3", "", word("curve")),
    drawCurves(plan),
    plan.machine ? make("p", "note", tellMachine(plan.machine)) : null,
  );
}

/** What the thin lines say: how little, or how much, the machine's word alone would be worth. */
function tellMachine({ version, reader }) {
  const percent = (share) => `${number(100 * share)} %`;
  return `${word("machineAlone")} ${version}: ${word("machineFinds")} ${percent(reader.sensitivity)}, ${word("machineErrs")} ${percent(1 - reader.specificity)}.`;
}

function drawCheckEntry() {
  const codes = new Map();
  for (const unit of board.units) {
    for (const rule of unit.eligibility.rules) {
      if (rule.code.startsWith("human_check_")) codes.set(rule.code.slice("human_check_".length), say(rule.message));
    }
  }
  const holds = select("holds", word("checkOutcome"), [["true", word("checkHolds")], ["false", word("checkFails")]]);
  const value = field("value", word("checkValue"), { inputMode: "decimal" });
  return entryForm("enterCheck", "keepCheck", [select("code", word("checkWhat"), [...codes]), holds, value], (entered) => {
    const figure = entered("value").replace(",", ".");
    return send("/v1/checks", {
      code: entered("code"),
      lot: lotId,
      at: new Date().toISOString(),
      holds: entered("holds") === "true",
      value: figure === "" ? null : Number(figure),
    });
  });
}

function drawTreatmentEntry() {
  const fields = [
    select("treatment", word("treatment"), TREATMENTS.map((code) => [code, word(code)])),
    field("certificate", word("certificateNumber"), { required: true, maxLength: 64 }),
    field("treated-on", word("treatedOn"), { type: "date", required: true }),
  ];
  return entryForm("enterTreatment", "keepPaper", fields, (value) =>
    send("/v1/documents", {
      kind: "treatment",
      lot: lotId,
      treatment: value("treatment"),
      certificate_number: value("certificate"),
      treated_on: value("treated-on"),
    }),
  );
}

function drawLaceyEntry() {
  const plants = make("div", "", drawPlant());
  const another = make("button", "button", word("anotherPlant"));
  another.type = "button";
  another.addEventListener("click", () => {
    const taken = [...plants.children].map((plant) => valueIn(plant, "part"));
    const plant = drawPlant({ part: PARTS.find((part) => !taken.includes(part)), added: true });
    plants.append(plant);
    plant.querySelector("select").focus();
  });
  const fields = [
    plants,
    another,
    field("goods", word("value"), { required: true, inputMode: "decimal" }),
    field("currency", word("currency"), { required: true, maxLength: 3, value: "USD" }),
  ];
  return entryForm("enterLacey", "keepPaper", fields, (value) =>
    send("/v1/documents", {
      kind: "lacey_declaration",
      lot: lotId,
      plants: [...plants.children].map(readPlant),
      value: value("goods").replace(",", "."),
      currency: value("currency").toUpperCase(),
    }),
  );
}

/** What is asked of one plant; one that was `added` may be taken away again. */
function drawPlant({ part = PARTS[0], added = false } = {}) {
  const what = select("part", word("material"), PARTS.map((code) => [code, word(code)]));
  what.querySelector("select").value = part;
  const away = make("button", "plain", word("removePlant"));
  away.type = "button";
  const plant = make(
    "fieldset",
    "plant",
    make("legend", "", word("plant")),
    what,
    field("genus", word("genus"), { required: true }),
    field("species", word("species"), { required: true }),
    field("country", word("country"), { required: true, maxLength: 2, value: "ID" }),
    field("weight", word("weightKg"), { required: true, inputMode: "decimal" }),
    added ? away : null,
  );
  away.addEventListener("click", () => {
    plant.previousElementSibling.querySelector("select").focus();
    plant.remove();
  });
  return plant;
}

function readPlant(plant) {
  return {
    part: valueIn(plant, "part"),
    genus: valueIn(plant, "genus"),
    species: valueIn(plant, "species"),
    country_of_harvest: valueIn(plant, "country").toUpperCase(),
    weight_kg: Number(valueIn(plant, "weight").replace(",", ".")),
  };
}

function drawUnits() {
  const ordered = [...board.units].sort(
    (a, b) => STATES.indexOf(a.eligibility.eligibility) - STATES.indexOf(b.eligibility.eligibility),
  );
  const tiles = ordered.map((unit) => {
    const thumbnail = unit.inspection ? make("img", "") : make("span", "blank", word("noPhotos"));
    if (unit.inspection) {
      thumbnail.src = unit.inspection.links.thumbnail;
      thumbnail.alt = "";
      thumbnail.loading = "lazy";
    }
    const { eligibility } = unit.eligibility;
    const link = make(
      "a",
      `unit ${eligibility}`,
      thumbnail,
      make("strong", "", icon(STATE_ICONS[eligibility]), unit.ref),
      unit.in_sample ? make("em", "", word("inSample")) : null,
    );
    link.href = `/keranjang/${encodeURIComponent(unit.ref)}`;
    link.setAttribute("aria-label", [unit.ref, word(eligibility), unit.in_sample ? word("inSample") : ""].filter(Boolean).join(", "));
    return make("li", "", link);
  });
  return make("section", "", make("h2", "", word("unitsHeading")), make("ul", "units", ...tiles));
}

const valueIn = (node, name) => node.querySelector(`[name="${name}"]`).value.trim();

/** A form folded away under its title; `submit` is given a function that reads a field by its name. */
function entryForm(title, action, fields, submit, open = false) {
  const button = make("button", "button primary", word(action));
  const form = make("form", "entry", ...fields, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit((name) => valueIn(form, name));
  });
  const details = make("details", "card", make("summary", "", word(title)), form);
  details.open = open;
  return details;
}
