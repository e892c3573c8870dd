// A text that the model writes in the page, while a reader moves what decides how a token is drawn.
//
// lib/widgets/pages/wake.html brings this file when a reader wakes the model.

import { wake } from "./awake.js";
import { make } from "./elements.js";

const MANY = 80, PACE = 50; // tokens at a time; the least time that each takes, in milliseconds
const DEEPEST = 55, LEAST = 0.001; // of the color, as in lib/widgets/writer.py
const SETTINGS = [ // its field in sampling.js, its name, least, most, step, at first, where it changes nothing
  ["temperature", "temperature", 0, 2, 0.05, 0.8],
  ["top_k", "top-k", 0, 100, 1, 0, 0],
  ["top_p", "top-p", 0.05, 1, 0.05, 1, 1],
  ["min_p", "min-p", 0, 0.5, 0.01, 0.05, 0],
  ["repetition_penalty", "repetition", 1, 2, 0.05, 1, 1],
];

// Wake the model and put the controls in place; the first text is written at once.
export async function start(root, name, megabytes, prompt, tell) {
  const model = await wake(name, megabytes, tell);
  const writer = new Writer(root, model, tell);
  writer.build(prompt);
  await writer.begin();
}

class Writer {
  constructor(root, model, tell) {
    Object.assign(this, { root, model, tell });
    Object.assign(this, { ids: [], tokens: [], chosen: -1, seed: 0, turn: 0, writing: Promise.resolve() });
    this.pick = (name) => root.querySelector(`.${name}`);
  }

  build(prompt) {
    const settings = SETTINGS.map(([field, name, min, most, step, value]) => {
      const max = field === "top_k" ? Math.min(most, this.model.about.vocab) : most;
      const range = make("input", { type: "range", className: `setting ${field}`, min, max, step, value });
      range.oninput = () => this.set();
      return make("label", {}, name, range, make("output", {}));
    });
    const field = make("textarea", { className: "prompt", rows: 2, maxLength: 1000, value: prompt, spellcheck: false });
    const begin = make("button", { type: "button", className: "begin", onclick: () => this.begin() }, "Write from the prompt");
    const on = make("button", { type: "button", className: "on", onclick: () => this.write(this.ids) }, "Write on");
    const stop = make("button", { type: "button", className: "stop", onclick: () => this.model.tell("stop") }, "Stop");
    const place = make("input", { type: "range", className: "place", min: 0, max: 0, step: 1, value: 0 });
    place.oninput = () => this.choose(+place.value);
    this.pick("controls").replaceChildren(make("label", { className: "wide" }, "your prompt", field),
      ...settings, make("p", { className: "buttons" }, begin, on, stop), make("label", { className: "wide" }, "look at token", place));
    this.pick("written").onclick = (event) => {
      const at = [...this.pick("written").children].indexOf(event.target);
      if (this.tokens[at]) this.choose(at);
    };
    this.set();
    field.focus();
  }

  // What the sliders say, in words beside them, and to the model: it holds from the next token on.
  set() {
    const sampling = {};
    for (const [field, , , , , , off] of SETTINGS) {
      const range = this.pick(field), value = +range.value === off ? null : +range.value;
      const words = value === null ? "off" : range.value;
      range.nextSibling.textContent = words;
      range.setAttribute("aria-valuetext", words);
      if (value !== null) sampling[field] = value;
    }
    this.model.tell("set", { sampling });
  }

  begin() {
    return this.write(null);
  }

  // Go on after some ids, or from the prompt; what is being written stops.
  async write(ids) {
    const turn = ++this.turn, current = () => turn === this.turn;
    this.model.tell("stop");
    await this.writing;
    this.chosen = -1;
    this.tell("The model writes.");
    const told = { ids, prompt: this.pick("prompt").value, many: MANY, seed: this.seed++, pace: PACE };
    const written = this.model.ask("write", told, (data) => current() && this.hear(data));
    this.writing = written.then(({ stopped }) => {
      if (!current()) return;
      this.tell(stopped ? "The model has ended its text." : "The model has paused.");
      this.summarize();
      this.root.dataset.written = turn;
    }, (error) => this.tell(`Nothing is written: ${error.message}.`));
  }

  hear({ kind, ids, pieces, ...token }) {
    if (kind === "begun") {
      this.tokens = ids.map((id, at) => (id === this.ids[at] && this.tokens[at]) || null);
      if (this.taken) this.tokens[ids.length - 1] = this.taken;
      this.ids = ids;
      this.taken = null;
    } else if (kind === "token") {
      this.ids.push(token.id);
      this.tokens.push(token);
    }
    if (pieces) this.draw(pieces);
  }

  // Each token in its place, shaded unless it is the prompt's.
  draw(pieces) {
    const written = this.pick("written");
    if (!written.querySelector(".token")) written.replaceChildren();
    pieces.forEach((piece, at) => {
      const span = written.children[at] ?? written.appendChild(make("span", {}));
      const token = this.tokens[at], kind = token ? "token" : "token given";
      if (span.textContent !== piece) span.textContent = piece;
      span.className = at === this.chosen ? `${kind} chosen` : kind;
      span.style.setProperty("--depth", `${token ? depth(token.share) : 0}%`);
    });
    while (written.children.length > pieces.length) written.lastChild.remove();
    const place = this.pick("place"), first = this.tokens.findIndex(Boolean);
    place.min = Math.max(first, 0);
    place.max = Math.max(pieces.length - 1, 0);
    if (this.chosen >= 0) return;
    place.value = place.max;
    this.pick("choice").replaceChildren();
  }

  // Look at a token: what could have come, each to be taken instead.
  choose(at) {
    const token = this.tokens[at], spans = this.pick("written").children, place = this.pick("place");
    if (!token) return;
    this.chosen = at;
    place.value = at;
    [...spans].forEach((span, i) => span.classList.toggle("chosen", i === at));
    const words = `${quoted(spans[at].textContent)}, ${percent(token.share)}`;
    place.setAttribute("aria-valuetext", words);
    this.pick("say").textContent = `Token ${at + 1} is ${words}, number ${token.rank + 1} of what the model expected. The list has ` +
      "the model’s shares, and what the settings left of each. Take another token, and the text goes on from there.";
    this.pick("choice").replaceChildren(...token.others.map((other) => this.other(at, token, other)));
  }

  other(at, token, other) {
    const same = other.id === token.id, button = make("button", { type: "button", disabled: same });
    button.style.setProperty("--share", `${100 * other.share}%`);
    button.append(make("b", {}, shown(other.piece)), make("i", {}), make("span", {}, `${percent(other.share)} → ${other.left ? percent(other.left) : "out"}`));
    button.setAttribute("aria-label", `${same ? "taken:" : "take"} ${quoted(other.piece)}: the model gave it ${percent(other.share)}, ` +
      `the settings left ${other.left ? percent(other.left) : "nothing"}`);
    button.onclick = () => this.take(at, token, other);
    return button;
  }

  // Put another token in the place of one, and write on from there.
  async take(at, token, other) {
    this.model.tell("stop");
    await this.writing;
    const rank = token.others.filter(({ share }) => share > other.share).length;
    this.taken = { ...other, rank, others: token.others };
    this.pick("place").focus(); // the list that had the focus goes
    await this.write([...this.ids.slice(0, at), other.id]);
  }

  // What the colors show, in words.
  summarize() {
    const fresh = [...this.tokens.keys()].filter((at) => this.tokens[at]), share = (at) => this.tokens[at].share;
    if (!fresh.length || this.chosen >= 0) return;
    const first = fresh.filter((at) => this.tokens[at].rank === 0).length;
    const least = fresh.reduce((a, b) => (share(b) < share(a) ? b : a));
    const piece = this.pick("written").children[least].textContent;
    this.pick("say").textContent = `${fresh.length} tokens; ${first} of them were the likeliest that could come. The least ` +
      `likely is ${quoted(piece)} (${percent(share(least))}). The deeper the color, the less likely.`;
  }
}

const quoted = (text) => `“${text}”`;
const shown = (piece) => piece.replace(/ /g, "·").replace(/\n/g, "↵");
const percent = (share) => (share >= 0.01 ? `${(100 * share).toFixed(0)}\u00a0%` : "under 1\u00a0%");
const depth = (share) => Math.round(DEEPEST * Math.min(1, Math.log(Math.max(share, LEAST)) / Math.log(LEAST)));
