// The public page `/sertifikat/{number}`: what a lot's certificate states, for whoever scanned its code.

import { fetchJson, Refusal } from "./api.js";
import { drawProblem, icon, make } from "./draw.js";
import { drawPlanTable } from "./plan.js";
import { number, say, speak, when, word } from "./words.js";

const at = (id) => document.getElementById(id);
const address = `/v1/certificates/${encodeURIComponent(location.pathname.split("/").pop())}`;

let answer = null;
let refusal = null;

speak(redraw);
load();

async function load() {
  try {
    answer = await fetchJson(address);
  } catch (wrong) {
    if (!(wrong instanceof Refusal)) throw wrong;
    refusal = wrong;
  }
  redraw();
}

function redraw() {
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
  if (answer) at("shown").replaceChildren(...draw(answer.certificate));
}

function draw(certificate) {
  const tone = certificate.verdict === "accepted" ? "pass" : "fail";
  return [
    make(
      "div",
      `verdict ${tone}`,
      icon(tone),
      make("h1", "", word(certificate.verdict)),
      make("p", "", `${word("certificateHeading")} ${certificate.lot}`),
      make("p", "details", `${say(certificate.product)} · ${number(certificate.size)} ${word("baskets")} · ${when(certificate.decided_at)}`),
    ),
    drawEligible(certificate),
    make("p", "clean", icon("pass"), word("signatureHolds")),
    answer.latest ? null : make("p", "state on_hold", word("laterCertificate")),
    answer.since === "unchanged" ? null : make("p", "state on_hold", word(`since_${answer.since}`)),
    drawPhotos(),
    drawFacts(certificate),
    drawPlan(certificate),
    drawRules(certificate),
    drawFiles(),
  ].filter(Boolean);
}

/** Said at once, since an accepted lot is not yet one that may be exported. */
function drawEligible({ eligible, size }) {
  const all = eligible === size;
  return make("p", `state ${all ? "eligible" : "not_eligible"}`, `${word("eligible")}: ${number(eligible)} / ${number(size)}`);
}

function drawPhotos() {
  if (answer.photos.length === 0) return null;
  const photos = answer.photos.map((place) => {
    const photo = make("img", "");
    photo.src = `${address}/photos/${place}`;
    photo.alt = `${word("photo")} ${place}`;
    return make("li", "", photo);
  });
  return make("section", "card", make("h2", "", word("fromSample")), make("ul", "chosen sampled", ...photos));
}

function drawFacts(certificate) {
  const rows = [
    [word("group"), certificate.group],
    [word("spec"), `${certificate.spec.id}, rev ${certificate.spec.revision}`],
    ...certificate.density.map((found) => [
      word(found.direction),
      `${number(found.mean_per_10cm)} (${number(found.min_per_10cm)}–${number(found.max_per_10cm)}) ${word("per10cm")}`,
    ]),
    [word("certificateNumber"), certificate.id],
    [word("signedWith"), answer.kid],
  ];
  const list = rows.map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value)));
  return make("section", "card", make("dl", "figures facts", ...list));
}

function drawPlan(certificate) {
  const classes = certificate.classes.map(({ plan, nonconforming }) => ({ plan, found: nonconforming }));
  return make(
    "section",
    "card plan",
    make("h2", "", word("plan")),
    make("p", "note", `${word("planStandard")} ${certificate.standard}, ${certificate.level}`),
    drawPlanTable(classes),
    make("p", "note", `${word("seed")}: ${certificate.seed}`),
  );
}

function drawRules(certificate) {
  const rows = certificate.rules.map((rule) => {
    const all = rule.holds === certificate.size;
    const said = make("span", "", say(rule.message), make("small", "", `${number(rule.holds)} / ${number(certificate.size)}`));
    return make("li", all ? "holds" : "missing", icon(all ? "holds" : "missing"), said);
  });
  return make("section", "card missing", make("h2", "", word("eligibility")), make("ul", "", ...rows));
}

function drawFiles() {
  const links = [
    [`${address}/pdf`, "pdfFile"],
    [`${address}/jws`, "signedFile"],
    ["/.well-known/jwks.json", "keysFile"],
  ].map(([href, key]) => {
    const link = make("a", "button", word(key));
    link.href = href;
    return link;
  });
  return make("section", "files", ...links, make("p", "note", word("checkOffline")), make("code", "", "qc-service record check CERT.jws --keys jwks.json"));
}
