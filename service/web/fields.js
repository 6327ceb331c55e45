// Labelled fields of a form.

import { make } from "./draw.js";

let count = 0;

/** An input with its label; `options` are properties of the input, and `note` a line under it. */
export function field(name, label, { tag = "input", note = null, ...options } = {}) {
  const input = Object.assign(make(tag, ""), { name, autocomplete: "off", spellcheck: false, ...options });
  return labelled(input, label, note);
}

/** A choice between [value, words] pairs. */
export function select(name, label, choices) {
  const node = make("select", "", ...choices.map(([value, words]) => new Option(words, value)));
  node.name = name;
  return labelled(node, label, null);
}

function labelled(input, label, note) {
  count += 1;
  input.id = `field-${count}`;
  const words = make("label", "", label);
  words.htmlFor = input.id;
  const line = note ? make("p", "note", note) : null;
  if (line) {
    line.id = `${input.id}-note`;
    input.setAttribute("aria-describedby", line.id);
  }
  return make("div", "field", words, input, line);
}
