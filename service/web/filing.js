// "These photos are of another basket": files an inspection under the right code, and says where it was filed before.

import { fetchJson, sendJson, Refusal } from "./api.js";
import { make } from "./draw.js";
import { field } from "./fields.js";
import { when, word } from "./words.js";

/** What is on record of where an inspection was filed, oldest first; `version` goes with the next filing. */
export async function readFilings(id) {
  const { facts } = await fetchJson(`/v1/facts?subject=${encodeURIComponent(id)}&limit=100`);
  const filings = facts.filter((fact) => ["filed", "unfiled"].includes(fact.kind)).reverse();
  const version = filings.filter((fact) => fact.kind === "filed").at(-1)?.version ?? null;
  const photographer = facts.find((fact) => fact.kind === "photographed")?.by ?? null;
  return { filings, version, photographer };
}

/** Whether the service will let this person file it. */
export const mayFile = ({ code, roles }, spec, { photographer }) =>
  roles.includes("reviewer") && !(spec?.two_persons && photographer === code);

/** What was filed and, where `may`, the form. `done` is called with what went wrong, or null once it is filed. */
export function drawFiling(inspection, { filings, version }, may, done) {
  const steps = filings.map(drawFiled);
  return make(
    "div",
    "filing",
    steps.length ? make("ol", "story", ...steps) : null,
    may ? make("details", "card", make("summary", "", word("wrongBasket")), drawForm(inspection, version, done)) : null,
  );
}

function drawFiled(fact) {
  return make(
    "li",
    "",
    make("div", "", make("b", "", `${word(`fact_${fact.kind}`)} `), make("span", "", `${fact.item} · “${fact.body.reason}”`), make("small", "", `${fact.by} · ${when(fact.at)}`)),
  );
}

function drawForm(inspection, version, done) {
  const code = field("right-code", word("rightCode"), { required: true, maxLength: 64 });
  const maker = field("right-maker", word("rightMaker"), { maxLength: 32, value: inspection.item.maker ?? "" });
  const why = field("filing-reason", word("filingReason"), { required: true, maxLength: 500 });
  const note = make("p", "note", word("filingNote"));
  const form = make("form", "entry", note, code, maker, why, make("button", "button", word("fileAnew")));
  const value = (name) => form.querySelector(`[name="${name}"]`).value.trim();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const entry = { item: value("right-code"), maker: value("right-maker") || null, reason: value("filing-reason") };
    try {
      await sendJson("PUT", `/v1/inspections/${inspection.id}/filing`, entry, version);
      done(null);
    } catch (wrong) {
      if (!(wrong instanceof Refusal)) throw wrong;
      done(wrong);
    }
  });
  return form;
}
