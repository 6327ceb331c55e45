// The second factor on `/akun`: on in two steps, off again. Key and recovery codes are shown once and kept nowhere.

import { fetchJson, postJson } from "./api.js";
import { make } from "./draw.js";
import { when, word } from "./words.js";

const ADDRESS = "/v1/account/second-factor";
const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4; // blank modules around the code, without which readers may miss it

const at = (id) => document.getElementById(id);
let factor = null;
let begun = null;
let recovery = null;

/** Reads whether it is on. */
export async function loadFactor() {
  factor = await fetchJson(ADDRESS);
}

/** Lets the forms act; `attempt` runs a step, tells of its refusal and draws the page. `reload` reads the page's other parts. */
export function listen(attempt, reload) {
  const on = (form, step) =>
    at(form).addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(async () => {
        await step();
        at(form).reset();
        await reload();
      });
    });
  on("factor-begin", async () => {
    begun = await postJson(ADDRESS, { password: at("begin-password").value });
  });
  on("factor-confirm", async () => {
    const answer = await postJson(`${ADDRESS}/confirmation`, { code: at("first-code").value });
    recovery = answer.recovery_codes;
    begun = null;
  });
  on("factor-off", async () => {
    await postJson(`${ADDRESS}/removal`, { password: at("off-password").value, code: at("off-code").value });
    recovery = null;
  });
}

/** Shows the step that is next. */
export function redrawFactor() {
  if (factor === null) return;
  const isOn = factor.since !== null;
  at("factor-state").textContent = isOn
    ? `${word("factorSince")} ${when(factor.since)} · ${word("recoveryLeft")}: ${factor.recovery_codes_left}`
    : word(factor.missing ? "factorMissing" : "factorLead");
  at("factor-begin").hidden = isOn || begun !== null;
  at("factor-confirm").hidden = begun === null;
  at("factor-recovery").hidden = recovery === null;
  at("factor-off").hidden = !isOn;
  at("factor-qr").replaceChildren(...(begun ? [drawQr(begun.qr)] : []));
  at("factor-uri").href = begun?.uri ?? "";
  at("factor-key").textContent = begun?.key ?? "";
  at("recovery-codes").replaceChildren(...(recovery ?? []).map((one) => make("li", "", make("code", "", one))));
}

/** A QR code of `rows`, in which "1" is dark. */
function drawQr(rows) {
  const svg = document.createElementNS(SVG, "svg");
  const side = rows.length + 2 * QUIET;
  svg.setAttribute("viewBox", `${-QUIET} ${-QUIET} ${side} ${side}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", word("factorQr"));
  const dark = document.createElementNS(SVG, "path");
  const squares = rows.flatMap((row, y) => [...row].map((module, x) => (module === "1" ? `M${x} ${y}h1v1h-1z` : "")));
  dark.setAttribute("d", squares.join(""));
  svg.append(dark);
  return svg;
}
