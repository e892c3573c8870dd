// The field of the front page: what a reader types, read by a small model in the page.
//
// tools/prediction.html brings this file when a reader enters the field; `root.show` is its function that
// draws a line with what was found in it.

import { wake } from "./awake.js";

const GUESSES = 5;

// Wake the model, and from then on show what it makes of the field, or the stored line where that is empty.
export async function start(root, field, name, megabytes, tell) {
  const model = await wake(name, megabytes, tell);
  const known = new Set(model.about.alphabet);
  let asked = 0;
  const read = async () => {
    const number = ++asked, letters = Array.from(field.value), line = letters.filter((each) => known.has(each)).join("");
    const unknown = [...new Set(letters.filter((each) => !known.has(each)))];
    tell(unknown.length ? `The model has never read ${unknown.map(quoted).join(", ")}: left out.` : "The model is awake.");
    if (!line) return root.show();
    const found = await model.ask("look", { line, many: GUESSES });
    if (number === asked) root.show(found.line, states(found));
  };
  const heard = () => read().catch((error) => tell(`The model stopped: ${error.message}.`));
  field.addEventListener("input", heard);
  await read();
}

// For each position what is expected, and for each head where it looks: as tools/front_page.py says it.
export function states({ line, expected, percents, came, weights }) {
  const told = { line, expected, percents, came }, positions = expected.map((_, t) => t);
  return {
    after: positions.map((t) => `after ${quoted(begin(line, t))}`),
    guesses: positions.map((t) => guesses(told, t)),
    says: positions.map((t) => say(told, t)),
    heads: weights.flat().map((head) => ({
      shares: head.map((shares) => shares.join(" ")),
      looks: head.map((shares) => look(line, shares)),
    })),
  };
}

const quoted = (text) => `“${text}”`;
const begin = (line, t) => line.slice(0, t + 1).join("");
const short = (each) => ({ " ": "space", "\n": "end" })[each] ?? each;
const named = (each) => ({ " ": "a space", "\n": "the line’s end" })[each] ?? quoted(each);

// A row for each letter expected, and one for what came if it is none of them.
function guesses({ line, expected, percents, came }, t) {
  const truth = line[t + 1];
  const rows = expected[t].map((each, i) => [short(each), percents[t][i], each === truth ? "came" : "other"]);
  const unexpected = truth !== undefined && !expected[t].includes(truth);
  return [...rows, unexpected ? [short(truth), came[t], "came"] : ["", 0, "none"]];
}

// What is likeliest, and what came; nothing has come yet after the last letter.
function say({ line, expected, percents, came }, t) {
  const [first] = expected[t], truth = line[t + 1];
  const text = `After ${quoted(begin(line, t))} the model predicts ${named(first)} (${percents[t][0]}\u00a0%).`;
  if (truth === undefined) return text;
  if (first === truth) return `${text} That is what came.`;
  return `${text} What came is ${named(truth)} (${came[t] || "under 1"}\u00a0%).`;
}

// The three letters that a head looks at most.
function look(line, shares) {
  const here = shares.length - 1, order = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, 3);
  const parts = order.filter((i) => shares[i])
    .map((i) => `${i === here ? "itself" : named(line[i])} (${shares[i]}\u00a0%)`);
  return `At ${named(line[here])}, the head looks at ${parts.join(", ")}.`;
}
