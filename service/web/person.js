// Who sits here: a code, never a name, remembered on this device alone.

const KEY = "qc-person";

export function remembered() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // a browser that keeps nothing still works
  }
}

export function remember(code) {
  try {
    localStorage.setItem(KEY, code);
  } catch {
    // asked again next time
  }
}
