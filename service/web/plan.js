// A sampling plan: per class what is looked at, what is allowed, what was found, and what was agreed.

import { make } from "./draw.js";
import { number, word } from "./words.js";

/** `classes`: {plan, found, verdict}, heaviest first; `found` a count, `verdict` of the class or nothing. */
export function drawPlanTable(classes) {
  const head = ["class", "lookAt", "allowed", "refusedFrom", "foundSoFar"].map((key) => make("th", "", word(key)));
  const rows = classes.map(({ plan, found, verdict }) => {
    const cells = [plan.n, plan.ac, plan.re, found].map((n) => make("td", "", number(n)));
    return make("tr", verdict ?? "", make("th", "", word(plan.severity)), ...cells);
  });
  // under the table: on a phone there is no room for a sixth column
  const agreed = classes.map(({ plan }) => `${word(plan.severity)}: ${tellAgreed(plan)}`).join(" · ");
  const table = make("table", "", make("thead", "", make("tr", "", ...head)), make("tbody", "", ...rows));
  return make("div", "", make("div", "scroll", table), make("p", "note", agreed));
}

function tellAgreed({ aql, regime }) {
  return aql === null ? word("everyUnit") : `AQL ${number(Number(aql), 2)}, ${word(regime)}`;
}
