// Lets a person see the password that is being typed.

import { make } from "./draw.js";
import { word } from "./words.js";

/** Puts a button under every field for a password; what is sent is hidden first, so that no browser remembers it as
    words. Before `speak`, which fills in its words. */
export function letReveal() {
  for (const field of document.querySelectorAll("input[type=password]")) {
    const button = make("button", "plain inline");
    const show = (shown) => {
      field.type = shown ? "text" : "password";
      button.dataset.word = shown ? "hidePassword" : "showPassword";
      button.textContent = word(button.dataset.word);
    };
    button.type = "button";
    button.setAttribute("aria-controls", field.id);
    button.addEventListener("click", () => show(field.type === "password"));
    field.form.addEventListener("submit", () => show(false), { capture: true });
    field.spellcheck = false;
    field.autocapitalize = "none";
    field.after(button);
    show(false);
  }
}
