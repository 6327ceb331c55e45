// Choose photos, send them, show the verdict with its reasons. Text goes in as text only.
import { ICONS, ask, make, said, start, word } from "/web/words.js";

const at = (id) => document.getElementById(id);
const PHOTOS_MAX = 8;
let chosen = [];
let answer = null;
let eligibility = null;
let status = null;

function showStatus(message, bad = false) {
  status = message;
  at("status").textContent = message ? said(message) : "";
  at("status").classList.toggle("bad", bad);
}

function choose(files) {
  chosen = [...files].slice(0, PHOTOS_MAX);
  const list = at("chosen");
  list.replaceChildren(...chosen.map((file) => {
    const url = URL.createObjectURL(file);
    const photo = make("img", { src: url, alt: file.name });
    photo.addEventListener("load", () => URL.revokeObjectURL(url));
    return make("li", {}, photo);
  }));
  at("send").disabled = chosen.length === 0;
}

async function send() {
  const form = new FormData();
  for (const file of chosen) form.append("photos", file, file.name);
  const item = {};
  for (const key of ["ref", "village", "maker", "spec"]) if (at(key).value.trim()) item[key] = at(key).value.trim();
  form.append("item", JSON.stringify(item));
  at("send").disabled = true;
  answer = eligibility = null;
  draw();
  at("status").textContent = word("sending");
  try {
    answer = await ask("/v1/inspections", { method: "POST", body: form });
    showStatus(null);
    if (answer.links.eligibility) eligibility = await ask(answer.links.eligibility);
  } catch (message) {
    if (!message.id) throw message;
    showStatus(message, true);
  }
  at("send").disabled = chosen.length === 0;
  draw();
  if (answer) at("answer").focus();
}

function verdictPlate(verdict) {
  return make("div", { class: `verdict ${verdict}`, id: "verdict" },
    make("span", { class: "icon", "aria-hidden": "true" }, ICONS[verdict]),
    make("div", {}, make("strong", {}, word(verdict)), word(`${verdict}More`)));
}

function reasonNode(reason) {
  const node = make("div", { class: `reason ${reason.severity}` },
    make("span", { class: "tag" }, word(reason.severity)), make("div", {}, said(reason.message)));
  if (reason.advice) node.append(make("div", { class: "advice" }, said(reason.advice)));
  return node;
}

function photoNode(photo) {
  const words = make("div", { class: "words" });
  if (photo.grade) words.append(make("span", { class: "tag" }, `${word("grade")} ${photo.grade}`));
  words.append(...photo.reasons.map(reasonNode));
  const figures = make("dl", { class: "figures" });
  for (const reading of photo.density) {
    const pitch = reading.per_10cm ? `${reading.per_10cm.toFixed(1)} / 10 cm` : `${reading.pitch_px.toFixed(1)} px`;
    figures.append(make("dt", {}, word(reading.direction === "weft" ? "rows" : "stakes")),
      make("dd", {}, reading.confident ? pitch : `${pitch} (${word("unsure")})`));
  }
  words.append(figures);
  return make("article", { class: "photo" }, make("img", { src: photo.links.overlay, alt: word("overlay") }), words);
}

function draw() {
  const nodes = [];
  if (answer) {
    nodes.push(verdictPlate(answer.verdict), ...answer.photos.map(photoNode));
    if (eligibility) {
      nodes.push(make("h2", {}, `${word("eligibility")}: ${word(eligibility.eligibility)}`),
        make("ul", { class: "rules" }, ...eligibility.rules.map((rule) => make("li", { class: rule.status }, said(rule.message)))));
    }
  }
  at("answer").replaceChildren(...nodes);
  if (status) at("status").textContent = said(status);
  for (const option of at("spec").options) option.textContent = said(JSON.parse(option.dataset.title));
}

async function offerSamples() {
  const { items } = await ask("/v1/samples");
  const buttons = items.map((path) => {
    const button = make("button", { type: "button" }, make("img", { src: path, alt: path.split("/").pop() }));
    button.addEventListener("click", async () => {
      const blob = await (await fetch(path)).blob();
      choose([new File([blob], path.split("/").pop(), { type: blob.type })]);
      await send();
    });
    return make("li", {}, button);
  });
  at("samples").querySelector("ul").replaceChildren(...buttons);
  at("samples").hidden = buttons.length === 0;
}

async function offerSpecs() {
  const { items } = await ask("/v1/specs");
  at("spec").replaceChildren(...items.map((spec) =>
    make("option", { value: spec.id, "data-title": JSON.stringify(spec.title) }, said(spec.title))));
  at("spec").value = "default";
}

at("camera").addEventListener("change", (event) => choose(event.target.files));
at("files").addEventListener("change", (event) => choose(event.target.files));
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
start(draw);
Promise.all([offerSpecs(), offerSamples()]).catch((message) => showStatus(message, true));
