// The page's own words in both languages, and which language is on. Sentences about a photo come from the API.

const WORDS = {
  skip: { id: "Langsung ke isi", en: "Skip to content" },
  brand: { id: "Mutu Keranjang", en: "Basket Quality" },
  history: { id: "Riwayat", en: "History" },
  inspect: { id: "Nilai", en: "Grade" },
  heading: { id: "Nilai keranjang", en: "Grade a basket" },
  lead: {
    id: "Foto satu keranjang dari dekat, dengan cahaya rata. Boleh sampai 8 foto.",
    en: "Photograph one basket from close by, in even light. Up to 8 photos.",
  },
  take: { id: "Ambil foto", en: "Take a photo" },
  choose: { id: "Pilih foto", en: "Choose photos" },
  remove: { id: "Hapus foto", en: "Remove photo" },
  samples: { id: "Belum punya foto? Coba contoh", en: "No photo yet? Try a sample" },
  sample: { id: "Contoh", en: "Sample" },
  spec: { id: "Jenis keranjang", en: "Kind of basket" },
  specNote: {
    id: "Jenis ini juga dinilai dalam sentimeter. Tanpa skala di foto, pendamping perlu ikut melihat.",
    en: "This kind is also judged in centimetres. Without a scale in the photo, a person must look too.",
  },
  ref: { id: "Kode keranjang", en: "Basket code" },
  optional: { id: "(boleh kosong)", en: "(optional)" },
  more: { id: "Desa dan kode perajin", en: "Village and maker's code" },
  village: { id: "Desa", en: "Village" },
  maker: { id: "Kode perajin", en: "Maker's code" },
  makerNote: { id: "Pakai kode, jangan nama orang.", en: "Use a code, never a person's name." },
  send: { id: "Nilai foto", en: "Grade the photo" },
  sending: { id: "Mengirim foto…", en: "Sending the photo…" },
  grading: { id: "Menilai anyaman…", en: "Grading the weave…" },
  loading: { id: "Memuat…", en: "Loading…" },
  again: { id: "Nilai keranjang lain", en: "Grade another basket" },
  retakeNow: { id: "Foto ulang keranjang ini", en: "Retake this basket" },
  photo: { id: "Foto", en: "Photo" },
  overlay: { id: "Foto dengan temuan yang digambar", en: "Photo with what was found drawn on it" },
  full: { id: "Lihat foto aslinya", en: "See the photo itself" },
  grade: { id: "Mutu", en: "Grade" },
  reasons: { id: "Alasan", en: "Reasons" },
  noReasons: { id: "Tidak ada cacat yang ditemukan di foto ini.", en: "No defect was found in this photo." },
  advice: { id: "Saran", en: "Advice" },
  figures: { id: "Ukuran anyaman", en: "Weave figures" },
  weft: { id: "Pakan (baris)", en: "Weft (rows)" },
  warp: { id: "Lungsi (tegak)", en: "Warp (stakes)" },
  per10cm: { id: "helai / 10 cm", en: "strands / 10 cm" },
  pitchPx: { id: "piksel antarhelai", en: "pixels between strands" },
  unsure: { id: "kurang pasti", en: "not certain" },
  openness: { id: "Bagian terbuka", en: "Open area" },
  uniformity: { id: "Ragam jarak helai", en: "Spread of strand spacing" },
  noScale: { id: "Tanpa skala di foto: jarak dalam piksel.", en: "No scale in the photo: spacing in pixels." },
  noFigures: { id: "Anyaman tidak terukur di foto ini.", en: "The weave was not measured in this photo." },
  eligibility: { id: "Kelayakan ekspor", en: "Export eligibility" },
  eligible: { id: "Layak ekspor", en: "Eligible for export" },
  not_eligible: { id: "Belum layak ekspor", en: "Not eligible for export" },
  on_hold: { id: "Ditahan: masih ada yang kurang", en: "On hold: something is still missing" },
  noRef: {
    id: "Beri kode keranjang agar kelayakan ekspornya bisa diikuti.",
    en: "Give the basket a code to follow its export eligibility.",
  },
  holds: { id: "Terpenuhi", en: "Holds" },
  fails: { id: "Gagal", en: "Fails" },
  missing: { id: "Belum ada", en: "Missing" },
  pass: { id: "Lolos", en: "Pass" },
  fail: { id: "Tidak lolos", en: "Fail" },
  review: { id: "Periksa", en: "Review" },
  retake: { id: "Foto ulang", en: "Retake" },
  passMeans: { id: "Mesin tidak menemukan cacat yang menggagalkan.", en: "The machine found no defect that fails it." },
  failMeans: {
    id: "Mesin menemukan cacat. Perbaiki menurut saran, lalu pendamping memastikan.",
    en: "The machine found a defect. Mend it as advised; a person confirms.",
  },
  reviewMeans: { id: "Mesin tidak yakin. Pendamping perlu melihat keranjangnya.", en: "The machine is not sure. A person must look at the basket." },
  retakeMeans: { id: "Foto tidak bisa dinilai. Ini bukan salah keranjangnya.", en: "The photo cannot be graded. The basket is not at fault." },
  critical: { id: "kritis", en: "critical" },
  major: { id: "berat", en: "major" },
  minor: { id: "ringan", en: "minor" },
  info: { id: "catatan", en: "note" },
  refused: { id: "Belum berhasil", en: "That did not work" },
  offline: {
    id: "Tidak tersambung ke layanan. Periksa sinyal, lalu coba lagi. Foto Anda masih ada di sini.",
    en: "The service cannot be reached. Check the signal, then try again. Your photos are still here.",
  },
  broken: { id: "Jawaban layanan tidak terbaca. Coba lagi.", en: "The service's answer cannot be read. Try again." },
  tooMany: { id: "Paling banyak 8 foto untuk satu keranjang.", en: "At most 8 photos for one basket." },
  tooLarge: { id: "Foto-foto ini terlalu besar untuk dikirim sekaligus. Hapus beberapa.", en: "These photos are too large to send at once. Remove some." },
  historyHeading: { id: "Riwayat pemeriksaan", en: "Past inspections" },
  verdict: { id: "Keputusan", en: "Verdict" },
  all: { id: "Semua", en: "All" },
  filter: { id: "Saring", en: "Filter" },
  older: { id: "Lebih lama", en: "Older" },
  noInspections: { id: "Belum ada pemeriksaan yang cocok.", en: "No inspection matches yet." },
  shownCount: { id: "pemeriksaan ditampilkan", en: "inspections shown" },
  photos: { id: "foto", en: "photo(s)" },
  noCode: { id: "Tanpa kode", en: "No code" },
};

const KEY = "qc-language";
let language = remembered() === "en" ? "en" : "id";

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a browser that keeps nothing still works
  }
}

export const word = (key) => WORDS[key][language];

/** A sentence of the API ({id, en}) in the language that is on. */
export const say = (message) => message[language];

export const number = (value, digits = 1) =>
  new Intl.NumberFormat(language === "id" ? "id-ID" : "en", { maximumFractionDigits: digits }).format(value);

export const when = (iso) =>
  new Intl.DateTimeFormat(language === "id" ? "id-ID" : "en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

/** Puts the page's words in place, now and whenever the language is switched; then calls `redraw`. */
export function speak(redraw) {
  const button = document.getElementById("language");
  const place = () => {
    document.documentElement.lang = language;
    for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
    document.title = word(document.body.contains(document.getElementById("filters")) ? "historyHeading" : "heading");
    button.textContent = language === "id" ? "English" : "Bahasa Indonesia";
    button.lang = language === "id" ? "en" : "id";
    redraw();
  };
  button.addEventListener("click", () => {
    language = language === "id" ? "en" : "id";
    try {
      localStorage.setItem(KEY, language);
    } catch {
      // not remembered, still switched
    }
    place();
  });
  place();
}
