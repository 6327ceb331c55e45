// The page `/`: choose photos, send them, see the verdict. At `/pemeriksaan/{id}` it shows a kept one.

import { fetchJson, postJson, Refusal } from "./api.js";
import { checkPhoto } from "./checking.js";
import { drawInspection, drawProblem, icon, make } from "./draw.js";
import { drawFiling, mayFile, readFilings } from "./filing.js";
import { whoIsIn } from "./person.js";
import { sendUpload } from "./sending.js";
import { findUnsent, forgetUnsent, keepUnsent } from "./unsent.js";
import { say, speak, word } from "./words.js";

const at = (id) => document.getElementById(id);

const FIELDS = ["ref", "village", "maker", "spec"]; // of the item
const DEMANDS = ["card", "original", "view"]; // what is insisted on
const KEPT = [...FIELDS, ...DEMANDS];
const ASKED = ["spec", "card", "ref"]; // about a photo, before it is sent
let limits = { max_photos: 8, max_upload_bytes: Infinity };
let photos = []; // {file, preview, question, mend}
let specs = [];
let samples = [];
let refusal = null;
let shown = null; // {inspection, eligibility, filed, may}
let step = null; // a word of progress, while sending

for (const node of document.querySelectorAll("[data-icon]")) node.append(icon(node.dataset.icon));
for (const id of ["camera", "album"]) at(id).addEventListener("change", takeFiles);
at("capture").addEventListener("submit", send);
at("spec").addEventListener("change", noteSpec);
for (const id of ASKED) at(id).addEventListener("change", () => photos.forEach(check));
window.addEventListener("popstate", open);
at("ref").value = new URLSearchParams(location.search).get("ref") ?? "";

speak(redraw);
const prepared = prepare();
open();
takeUp();

async function prepare() {
  try {
    [specs, samples, limits] = await Promise.all(["/v1/specs", "/v1/samples", "/v1/limits"].map(fetchJson));
  } catch (wrong) {
    refuse(wrong);
  }
  redraw();
}

/** Shows what the address asks for: a kept inspection, or the empty form. */
async function open() {
  const id = location.pathname.match(/^\/pemeriksaan\/([^/]+)$/)?.[1];
  shown = null;
  refusal = null;
  redraw();
  if (!id) return;
  step = "loading";
  redraw();
  try {
    await show(await fetchJson(`/v1/inspections/${id}`));
  } catch (wrong) {
    refuse(wrong);
  }
}

/** Lays out again what this person had not sent to the end when the page was left. */
async function takeUp() {
  if (location.pathname !== "/") return;
  try {
    const unsent = await findUnsent((await whoIsIn()).code);
    await prepared; // before that no kind of basket can be chosen
    if (!unsent || photos.length) return;
    for (const key of KEPT) at(key).value = unsent.fields[key] ?? at(key).value;
    addFiles(unsent.files);
    at("unsent").hidden = false;
  } catch (wrong) {
    refuse(wrong);
  }
}

async function show(inspection) {
  const ref = inspection.item.ref;
  const eligibility = ref ? await fetchJson(`/v1/items/${encodeURIComponent(ref)}/eligibility`) : null;
  const [filed, person] = await Promise.all([readFilings(inspection.id), whoIsIn(), prepared]);
  const spec = specs.find((spec) => spec.id === inspection.item.spec);
  step = null;
  shown = { inspection, eligibility, filed, may: mayFile(person, spec, filed) };
  redraw();
  at("shown").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function takeFiles(event) {
  addFiles([...event.target.files]);
  event.target.value = ""; // the same photo may be chosen again after it was removed
}

function addFiles(chosen) {
  const files = chosen.filter((file) => !photos.some((photo) => isSame(photo.file, file)));
  refusal = photos.length + files.length > limits.max_photos ? new Refusal({ key: "tooMany" }) : null;
  const taken = files.slice(0, limits.max_photos - photos.length);
  const added = taken.map((file) => ({ file, preview: URL.createObjectURL(file), question: null, mend: null }));
  photos = [...photos, ...added];
  redraw();
  added.forEach(check);
}

const isSame = (one, other) =>
  one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;

/** Asks what to mend on a photo, anew where something else is insisted on now; nobody waits for it. */
async function check(photo) {
  photo.question?.abort();
  const question = new AbortController();
  photo.question = question;
  const mend = await checkPhoto(photo.file, filled(ASKED), question);
  if (question.signal.aborted || mend === photo.mend) return;
  photo.mend = mend;
  const index = photos.indexOf(photo);
  // the rest of the form stays as it is being filled in
  keepPlace(() => at("chosen").children[index].replaceWith(drawChosen(photo, index)));
}

/** Draws chosen photos anew; a keyboard that stood on the button of one still does. */
function keepPlace(draw) {
  const buttons = () => [...at("chosen").querySelectorAll(".remove")];
  const held = buttons().indexOf(document.activeElement);
  draw();
  buttons()[held]?.focus();
}

function dropPhoto(photo) {
  photo.question?.abort();
  URL.revokeObjectURL(photo.preview);
  photos = photos.filter((other) => other !== photo);
}

function takeAgain(photo, files) {
  if (files.length === 0) return;
  dropPhoto(photo);
  addFiles([...files]);
}

function removePhoto(photo) {
  dropPhoto(photo);
  if (photos.length === 0) forgetUnsent();
  refusal = null;
  redraw();
  at(photos.length ? "send" : "album").focus();
}

async function addSample(sample) {
  try {
    const answer = await fetch(sample.link);
    addFiles([new File([await answer.blob()], sample.name, { type: "image/jpeg" })]);
    at("send").focus();
  } catch {
    refuse(new Refusal({ key: "offline" }));
  }
}

async function send(event) {
  event.preventDefault();
  for (const photo of photos) photo.question?.abort(); // the line is for sending now
  refusal = null;
  step = "sending";
  redraw();
  await prepared; // before that no kind of basket is chosen: it would be another upload, under another key
  const bytes = photos.reduce((sum, photo) => sum + photo.file.size, 0);
  if (bytes > limits.max_upload_bytes) {
    refuse(new Refusal({ key: "tooLarge" }));
    return;
  }
  const fields = Object.fromEntries(KEPT.map((key) => [key, at(key).value]));
  try {
    await keepUnsent({ by: (await whoIsIn()).code, fields, files: photos.map(({ file }) => file) });
    const inspection = await sendUpload(filled(FIELDS), filled(DEMANDS), photos, tellProgress, tellWaiting);
    await forgetUnsent();
    photos.forEach(dropPhoto);
    at("ref").value = "";
    history.pushState(null, "", `/pemeriksaan/${inspection.id}`);
    await show(inspection);
  } catch (wrong) {
    refuse(wrong);
  }
}

/** What is filled in of these fields. */
function filled(keys) {
  const said = {};
  for (const key of keys) {
    const value = at(key).value.trim();
    if (value) said[key] = value;
  }
  return said;
}

function tellProgress(share) {
  step = share < 1 ? "sending" : "grading";
  at("progress-words").textContent = word(step);
  if (share < 1) at("progress-bar").value = Math.round(100 * share);
  else at("progress-bar").removeAttribute("value"); // how long grading takes is not known: it runs
}

function tellWaiting() {
  step = "inLine";
  at("progress-words").textContent = word(step);
  at("progress-bar").removeAttribute("value");
}

function refuse(wrong) {
  if (!(wrong instanceof Refusal)) throw wrong;
  step = null;
  refusal = wrong;
  redraw();
  at("problem").focus();
}

function redraw() {
  at("capture").hidden = step !== null || shown !== null;
  at("progress").hidden = step === null;
  at("progress-words").textContent = step ? word(step) : "";
  at("problem").hidden = refusal === null;
  at("problem").replaceChildren(...(refusal ? drawProblem(refusal) : []));
  at("shown").hidden = shown === null;
  at("shown").replaceChildren(...(shown ? drawShown() : []));
  redrawForm();
}

function drawShown() {
  const { inspection, eligibility, filed, may } = shown;
  const done = (wrong) => (wrong ? refuse(wrong) : open());
  return [...drawInspection(inspection, eligibility, seeWhole), another(), drawFiling(inspection, filed, may, done)];
}

function redrawForm() {
  at("chosen").hidden = photos.length === 0;
  if (photos.length === 0) at("unsent").hidden = true;
  keepPlace(() => at("chosen").replaceChildren(...photos.map(drawChosen)));
  at("send").disabled = photos.length === 0;
  at("samples").hidden = samples.length === 0 || photos.length > 0;
  at("samples").querySelector("ul").replaceChildren(...samples.map(drawSample));
  const spec = at("spec").value || "default";
  at("spec").replaceChildren(...specs.map((other) => new Option(say(other.title), other.id, false, other.id === spec)));
  noteSpec();
}

function noteSpec() {
  at("spec-note").hidden = !specs.find((spec) => spec.id === at("spec").value)?.needs_scale;
}

function drawChosen(photo, index) {
  const preview = make("img", "");
  preview.src = photo.preview;
  preview.alt = `${word("photo")} ${index + 1}`;
  const remove = make("button", "remove", icon("fail"));
  remove.type = "button";
  remove.setAttribute("aria-label", `${word("remove")} ${index + 1}`);
  remove.addEventListener("click", () => removePhoto(photo));
  const seen = make("div", "thumb", preview, remove);
  return photo.mend ? make("li", "mend", seen, ...drawMending(photo, index)) : make("li", "", seen);
}

/** What to mend, and the way to take the photo again; it may still be sent as it is. */
function drawMending(photo, index) {
  const camera = at("camera").cloneNode();
  camera.id = `again-${index}`;
  camera.setAttribute("aria-label", `${word("takeAgain")} ${index + 1}`);
  camera.addEventListener("change", () => takeAgain(photo, camera.files));
  const again = make("label", "button", icon("camera"), word("takeAgain"));
  again.htmlFor = camera.id;
  return [make("p", "", say(photo.mend)), make("div", "", again, camera)];
}

function drawSample(sample, index) {
  const preview = make("img", "");
  preview.src = sample.link;
  preview.alt = "";
  preview.loading = "lazy";
  const button = make("button", "", preview, make("span", "", `${word("sample")} ${index + 1}`));
  button.type = "button";
  button.addEventListener("click", () => addSample(sample));
  return make("li", "", button);
}

/** Opens the photo itself by a link that other apps of the phone may open too, and that ends. */
async function seeWhole(photo) {
  try {
    const { link } = await postJson(`${photo.links.photo}/links`, { variant: "photo" });
    location.assign(link);
  } catch (wrong) {
    refuse(wrong);
  }
}

/** The way on: another basket or, where the photo could not be graded, the same one again. */
function another() {
  const { verdict, item } = shown.inspection;
  const again = verdict === "retake";
  const link = make("a", "button primary", icon("camera"), word(again ? "retakeNow" : "again"));
  link.href = again && item.ref ? `/?ref=${encodeURIComponent(item.ref)}` : "/";
  return link;
}
