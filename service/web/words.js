// Words in both languages, and how a page puts them up. Bahasa Indonesia first.
const WORDS = {
  title: ["Periksa keranjang", "Check a basket"],
  history: ["Riwayat", "History"],
  back: ["Periksa", "Check"],
  take: ["Ambil foto", "Take a photo"],
  choose: ["Pilih foto", "Choose photos"],
  details: ["Keterangan keranjang (boleh kosong)", "About the basket (optional)"],
  spec: ["Jenis barang", "Product"],
  ref: ["Kode keranjang", "Item code"],
  village: ["Desa", "Village"],
  maker: ["Kode perajin (bukan nama)", "Maker's code (no name)"],
  send: ["Nilai sekarang", "Grade now"],
  samples: ["Belum ada foto? Coba contoh ini", "No photo yet? Try one of these"],
  tips: [
    "Foto dinding keranjang dari dekat, di tempat teduh yang terang, tanpa lampu kilat.",
    "Photograph the basket's wall from close by, in bright shade, without flash.",
  ],
  sending: ["Sedang dinilai…", "Grading…"],
  offline: ["Tidak tersambung ke layanan. Foto belum terkirim; coba lagi.", "The service cannot be reached. Nothing was sent; try again."],
  pass: ["LOLOS", "PASS"],
  fail: ["TIDAK LOLOS", "FAIL"],
  review: ["PERLU DILIHAT", "NEEDS A LOOK"],
  retake: ["FOTO ULANG", "RETAKE"],
  passMore: ["Tidak ada cacat berarti yang terlihat di foto.", "No defect that matters is seen in the photo."],
  failMore: ["Sementara: pendamping harus melihat keranjangnya dulu.", "Provisional: a person must look at the basket first."],
  reviewMore: ["Mesin tidak yakin. Pendamping yang memutuskan.", "The machine is not sure. A person decides."],
  retakeMore: ["Foto belum bisa dinilai. Ini bukan penilaian keranjang.", "The photo cannot be graded. This says nothing of the basket."],
  grade: ["Kelas", "Grade"],
  rows: ["Jarak baris", "Row pitch"],
  stakes: ["Jarak lungsi", "Stake pitch"],
  unsure: ["tidak pasti", "not certain"],
  eligibility: ["Kelayakan ekspor", "Export eligibility"],
  eligible: ["Layak", "Eligible"],
  not_eligible: ["Tidak layak", "Not eligible"],
  on_hold: ["Ditahan: masih ada yang kurang", "On hold: something is missing"],
  critical: ["kritis", "critical"], major: ["berat", "major"], minor: ["ringan", "minor"], info: ["catatan", "note"],
  verdict: ["Hasil", "Verdict"],
  all: ["Semua", "All"],
  show: ["Tampilkan", "Show"],
  more: ["Lebih banyak", "More"],
  empty: ["Belum ada pemeriksaan.", "No inspections yet."],
  overlay: ["Foto dengan temuan", "Photo with findings"],
};
export const ICONS = { pass: "✓", fail: "✗", review: "?", retake: "↻" };

export let language = localStorage.getItem("language") === "en" ? "en" : "id";
export const word = (key) => WORDS[key][language === "id" ? 0 : 1];
export const said = (message) => message[language];

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function putUp() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  document.getElementById("language").textContent = language === "id" ? "English" : "Bahasa Indonesia";
}

export function start(redraw) {
  putUp();
  document.getElementById("language").addEventListener("click", () => {
    language = language === "id" ? "en" : "id";
    localStorage.setItem("language", language);
    putUp();
    redraw();
  });
}

export async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw { id: WORDS.offline[0], en: WORDS.offline[1] };
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw body.messages ?? { id: `Galat ${response.status}`, en: `Error ${response.status}` };
  return body;
}
