// Keeps what is being sent until it has arrived, for a page that is loaded anew: a phone may drop it at any time.

const STORE = "uploads";
const ONLY = "unsent";

/** Keeps `upload` {by, fields, files}; only the last one is kept. */
export const keepUnsent = (upload) => use("readwrite", (store) => store.put(upload, ONLY));

export const forgetUnsent = () => use("readwrite", (store) => store.delete(ONLY));

/** What this person had not sent to the end, null where there is nothing. */
export async function findUnsent(by) {
  const upload = await use("readonly", (store) => store.get(ONLY));
  return upload?.by === by ? upload : null;
}

/** Null where the browser keeps nothing: then the photos have to be chosen again. */
async function use(mode, act) {
  try {
    const opening = indexedDB.open("qc-unsent", 1);
    opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore(STORE));
    const database = await outcome(opening);
    try {
      return await outcome(act(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  } catch {
    return null;
  }
}

const outcome = (asked) =>
  new Promise((resolve, reject) => {
    asked.addEventListener("success", () => resolve(asked.result));
    asked.addEventListener("error", () => reject(asked.error));
  });
