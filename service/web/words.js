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
  unsent: {
    id: "Foto ini belum selesai terkirim. Ketuk “Nilai foto” untuk melanjutkan; yang sudah sampai tidak dikirim lagi.",
    en: "This photo was not sent to the end. Tap “Grade the photo” to go on; what has arrived is not sent again.",
  },
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
  queue: { id: "Antrean", en: "Queue" },
  lots: { id: "Lot", en: "Lots" },
  queueHeading: { id: "Menunggu keputusan Anda", en: "Waiting for your decision" },
  queueLead: {
    id: "Lihat keranjangnya sendiri, lalu putuskan. Keputusan mesin hanya sementara.",
    en: "Look at the basket itself, then decide. The machine's verdict is only provisional.",
  },
  queueDone: { id: "Tidak ada yang menunggu. Terima kasih.", en: "Nothing waits. Thank you." },
  queueLeft: { id: "menunggu", en: "waiting" },
  why: { id: "Mengapa di sini", en: "Why it is here" },
  why_fail: { id: "Mesin menemukan cacat", en: "The machine found a defect" },
  why_review: { id: "Mesin tidak yakin", en: "The machine is not sure" },
  why_maker_asks: { id: "Perajin meminta dilihat lagi", en: "The maker asks for another look" },
  why_sample: { id: "Masuk sampel lot", en: "Drawn into the lot's sample" },
  worstSeen: { id: "Cacat terberat yang Anda lihat", en: "Heaviest defect that you see" },
  none: { id: "tidak ada", en: "none" },
  confirm: { id: "Mesin benar", en: "The machine is right" },
  overrule: { id: "Mesin salah", en: "The machine is wrong" },
  rework: { id: "Kembalikan untuk diperbaiki", en: "Send back to be mended" },
  reinspect: { id: "Minta foto lagi", en: "Ask for new photos" },
  skipThis: { id: "Lewati dulu", en: "Skip for now" },
  reason: { id: "Alasan", en: "Reason" },
  reasonNote: { id: "Tulis apa yang terlihat pada keranjangnya.", en: "Write what is seen on the basket itself." },
  reasonShadow: { id: "Hanya bayangan", en: "Only a shadow" },
  reasonPattern: { id: "Memang polanya", en: "That is the pattern" },
  reasonMended: { id: "Sudah diperbaiki", en: "It has been mended" },
  reasonHole: { id: "Ada lubang", en: "There is a hole" },
  reasonSharp: { id: "Ada ujung tajam", en: "There is a sharp tip" },
  reasonMould: { id: "Berjamur", en: "It is mouldy" },
  keep: { id: "Simpan keputusan", en: "Keep the decision" },
  back: { id: "Kembali", en: "Back" },
  keys: { id: "Papan tik: 1 benar · 2 salah · 3 perbaiki · 4 foto lagi · L lewati", en: "Keys: 1 right · 2 wrong · 3 mend · 4 new photos · L skip" },
  lotsHeading: { id: "Lot", en: "Lots" },
  newLot: { id: "Bentuk lot baru", en: "Form a new lot" },
  lotId: { id: "Kode lot", en: "Lot code" },
  group: { id: "Kode kelompok", en: "Group code" },
  units: { id: "Kode keranjang, satu per baris", en: "Basket codes, one per line" },
  unitsNote: { id: "Sampel diundi sekarang, sebelum ada yang diperiksa.", en: "The sample is drawn now, before anything is inspected." },
  form: { id: "Bentuk lot dan undi sampel", en: "Form the lot and draw its sample" },
  noLots: { id: "Belum ada lot.", en: "No lot yet." },
  baskets: { id: "keranjang", en: "baskets" },
  sampleOf: { id: "sampel", en: "sample" },
  open: { id: "Masih terbuka", en: "Still open" },
  accepted: { id: "Diterima", en: "Accepted" },
  rejected: { id: "Ditolak", en: "Refused" },
  lotMissing: { id: "Yang masih kurang", en: "What is still missing" },
  lotComplete: { id: "Tidak ada yang kurang: semua keranjang layak ekspor.", en: "Nothing is missing: every basket is eligible." },
  allBaskets: { id: "semua keranjang", en: "all baskets" },
  toQueue: { id: "Kerjakan antrean lot ini", en: "Work through this lot's queue" },
  decideLot: { id: "Catat keputusan lot", en: "Put the lot's verdict on record" },
  decidedBy: { id: "Diputuskan oleh", en: "Decided by" },
  changedSince: {
    id: "Sesudah diputuskan ada catatan baru yang mengubah hasilnya. Putuskan lagi.",
    en: "Facts entered after it was decided change the verdict. Put it on record anew.",
  },
  enterCheck: { id: "Catat pemeriksaan tangan", en: "Enter a check by hand" },
  checkWhat: { id: "Yang diperiksa", en: "What was checked" },
  checkOutcome: { id: "Hasilnya", en: "Outcome" },
  checkHolds: { id: "Memenuhi", en: "It holds" },
  checkFails: { id: "Tidak memenuhi", en: "It does not hold" },
  checkValue: { id: "Angka pada alat (bila ada)", en: "Figure on the instrument (if any)" },
  keepCheck: { id: "Simpan pemeriksaan", en: "Keep the check" },
  enterTreatment: { id: "Catat bukti perlakuan hama", en: "Enter proof of pest treatment" },
  treatment: { id: "Perlakuan", en: "Treatment" },
  heat: { id: "Panas", en: "Heat" },
  kiln_drying: { id: "Oven", en: "Kiln" },
  methyl_bromide: { id: "Metil bromida", en: "Methyl bromide" },
  phosphine: { id: "Fosfin", en: "Phosphine" },
  other: { id: "Lainnya", en: "Other" },
  certificateNumber: { id: "Nomor sertifikat", en: "Certificate number" },
  treatedOn: { id: "Tanggal perlakuan", en: "Date of treatment" },
  keepPaper: { id: "Simpan surat", en: "Keep the paper" },
  enterLacey: { id: "Catat deklarasi tumbuhan (Lacey)", en: "Enter the plant declaration (Lacey)" },
  material: { id: "Bahan", en: "Material" },
  eceng_gondok: { id: "Eceng gondok", en: "Water hyacinth" },
  mendong: { id: "Mendong", en: "Mendong" },
  pelepah_pisang: { id: "Pelepah pisang", en: "Banana sheath" },
  genus: { id: "Genus", en: "Genus" },
  species: { id: "Spesies", en: "Species" },
  country: { id: "Negara panen (dua huruf)", en: "Country of harvest (two letters)" },
  weightKg: { id: "Berat bahan (kg)", en: "Weight of the material (kg)" },
  value: { id: "Nilai barang", en: "Value of the goods" },
  currency: { id: "Mata uang", en: "Currency" },
  plan: { id: "Rencana sampel", en: "Sampling plan" },
  planStandard: { id: "menurut", en: "under" },
  class: { id: "Kelas", en: "Class" },
  lookAt: { id: "Dilihat", en: "Looked at" },
  allowed: { id: "Boleh cacat", en: "May be defective" },
  refusedFrom: { id: "Ditolak mulai", en: "Refused from" },
  foundSoFar: { id: "Ditemukan", en: "Found" },
  curve: { id: "Peluang lot diterima", en: "Chance that the lot is accepted" },
  curveX: { id: "keranjang cacat dalam lot (%)", en: "defective baskets in the lot (%)" },
  curveY: { id: "diterima (%)", en: "accepted (%)" },
  unitsHeading: { id: "Semua keranjang", en: "All baskets" },
  inSample: { id: "sampel", en: "sample" },
  noPhotos: { id: "belum difoto", en: "no photos yet" },
  itemHeading: { id: "Riwayat keranjang", en: "History of a basket" },
  ask: { id: "Perajin meminta dilihat lagi", en: "The maker asks for another look" },
  askMaker: { id: "Kode perajin", en: "Maker's code" },
  askWhy: { id: "Alasan (boleh kosong)", en: "Reason (optional)" },
  askSend: { id: "Minta dilihat lagi", en: "Ask for another look" },
  story: { id: "Yang tercatat", en: "What is on record" },
  inspected: { id: "Dinilai mesin", en: "Graded by the machine" },
  fact_item: { id: "Keterangan keranjang", en: "About the basket" },
  fact_membership: { id: "Masuk lot", en: "Put in a lot" },
  fact_disposition: { id: "Keputusan pendamping", en: "A person's decision" },
  fact_rework: { id: "Sudah diperbaiki", en: "Mended" },
  fact_review_request: { id: "Perajin meminta dilihat lagi", en: "The maker asked for another look" },
  fact_check: { id: "Pemeriksaan tangan", en: "Check by hand" },
  certificateHeading: { id: "Sertifikat lot", en: "Lot certificate" },
  signatureHolds: { id: "Tanda tangan sah: isi ini tidak diubah sejak diterbitkan.", en: "The signature holds: unchanged since it was issued." },
  laterCertificate: { id: "Ada sertifikat yang lebih baru untuk lot ini.", en: "A later certificate was issued for this lot." },
  fromSample: { id: "Dari sampel", en: "From the sample" },
  signedWith: { id: "Ditandatangani dengan kunci", en: "Signed with key" },
  pdfFile: { id: "Unduh PDF", en: "Get the PDF" },
  signedFile: { id: "Unduh berkas bertanda tangan", en: "Get the signed file" },
  keysFile: { id: "Kunci yang diumumkan", en: "Published keys" },
  checkOffline: { id: "Periksa sendiri, tanpa layanan ini:", en: "Check it yourself, without this service:" },
  issueCertificate: { id: "Terbitkan sertifikat", en: "Issue a certificate" },
  version: { id: "versi", en: "version" },
  signInHeading: { id: "Masuk", en: "Sign in" },
  signIn: { id: "Masuk", en: "Sign in" },
  accountCode: { id: "Kode akun", en: "Account code" },
  password: { id: "Kata sandi", en: "Password" },
  linkLead: { id: "Pilih kata sandi untuk akun Anda: paling sedikit 12 huruf.", en: "Choose a password for your account: at least 12 characters." },
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
    document.title = word(document.documentElement.dataset.title);
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
