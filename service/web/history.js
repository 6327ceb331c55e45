// The list of inspections, newest first, with filters; pages on by cursor.
import { ICONS, ask, make, start, word } from "/web/words.js";

const at = (id) => document.getElementById(id);
let items = [];
let next = null;

function row(inspection) {
  const when = new Date(inspection.created_at).toLocaleString("id-ID");
  const badge = make("span", { class: `badge ${inspection.verdict}` }, `${ICONS[inspection.verdict]} ${word(inspection.verdict)}`);
  const photo = make("a", { href: inspection.photos[0].links.overlay }, make("img", { src: inspection.photos[0].links.overlay, alt: word("overlay"), loading: "lazy" }));
  return make("li", {}, photo, make("div", {}, badge, make("div", {}, inspection.item.ref ?? "—"), make("div", { class: "note" }, when)));
}

function draw() {
  at("list").replaceChildren(...items.map(row));
  at("more").hidden = next === null;
  at("status").textContent = items.length ? "" : word("empty");
  for (const option of at("verdict").options) if (option.value) option.textContent = word(option.value);
}

async function load(more = false) {
  const query = new URLSearchParams({ limit: "20" });
  if (at("verdict").value) query.set("verdict", at("verdict").value);
  if (at("ref").value.trim()) query.set("ref", at("ref").value.trim());
  if (more && next) query.set("cursor", next);
  try {
    const page = await ask(`/v1/inspections?${query}`);
    items = more ? [...items, ...page.items] : page.items;
    next = page.next;
    draw();
  } catch (message) {
    at("status").textContent = message.id ?? String(message);
  }
}

for (const verdict of Object.keys(ICONS)) at("verdict").append(make("option", { value: verdict }, word(verdict)));
at("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
at("more").addEventListener("click", () => load(true));
start(draw);
load();
