// A worker that holds a model, so that the page stays responsive while it reads and writes.
//
// A message to it names a task and has a ticket; each answer has the ticket of what it answers, and a kind:
// "loading" and "awake", "looked", "turns", "begun", "token" and "end", or "failed" with the reason.

import { GPT, read_weights } from "./gpt.js";
import { choose, filtered, numbers, ranked, softmax } from "./sampling.js";
import { Template } from "./template.js";
import { make_tokenizer } from "./tokenizer.js";

const FORMAT = "inside-gpt pretrained 2";
let gpt, tokenizer, sampling = {}, writing; // `writing` is the ticket of the text that is being written
let text = [], rows = []; // the ids that the model has read; what it said after each, if it was asked

const tasks = {
  // Load a model of the hub by its name.
  async wake({ ticket, name }) {
    const card = await (await get(`models/${name}.json`, "no-cache")).json(); // asked whether it is still so
    if (card.format !== FORMAT || card.kind !== "gpt") throw new Error(`${name} is no GPT of this book's hub`);
    // Named by its content, so that what the browser has is right for ever.
    const file = await get(`models/${name}.safetensors?${card.sha256.slice(0, 16)}`, "force-cache");
    const data = await received(file, (bytes) => postMessage({ ticket, kind: "loading", bytes }));
    await check(data, card.sha256);
    gpt = new GPT(card.config, read_weights(data));
    tokenizer = make_tokenizer(card);
    const { vocab, context, layers, heads } = card.config;
    postMessage({ ticket, kind: "awake", vocab, context, layers, heads, alphabet: card.alphabet, special: tokenizer.special });
  },

  // What is expected after each token of a text, and where each head looks then, in whole percents.
  look({ ticket, line, many }) {
    read(tokenizer.encode(line), true);
    const percents = (shares) => Array.from(shares, (share) => Math.round(100 * share));
    const best = rows.map(({ shares }) => ranked(shares).slice(0, many));
    postMessage({
      ticket,
      kind: "looked",
      line: tokenizer.pieces(text),
      expected: best.map((ids) => tokenizer.pieces(ids)),
      percents: best.map((ids, t) => percents(ids.map((id) => rows[t].shares[id]))),
      came: text.slice(1).map((id, t) => percents([rows[t].shares[id]])[0]),
      weights: rows[0].looks.map((heads, layer) =>
        heads.map((_, head) => rows.map(({ looks }) => percents(looks[layer][head])))),
    });
  },

  // How tokens are drawn from now on, also those of a text that is being written.
  set(message) {
    sampling = message.sampling;
  },

  // Write on after a text, one token after the other, each posted as soon as it is drawn.
  async write({ ticket, prompt, ids, many, seed, pace }) {
    const so_far = [...(ids ?? tokenizer.encode(prompt))], next = numbers(seed), ends = Object.values(tokenizer.special);
    if (!so_far.length) throw new Error("the model needs at least one character to begin with");
    writing = ticket;
    postMessage({ ticket, kind: "begun", ids: so_far, pieces: tokenizer.pieces(so_far) });
    for (let n = 0; n < many && writing === ticket; n++) {
      const rest = new Promise((done) => setTimeout(done, pace));
      const scores = read(so_far), kept = filtered(scores, so_far, sampling);
      const id = choose(kept, sampling.temperature, next());
      so_far.push(id);
      postMessage({ ticket, kind: "token", id, pieces: tokenizer.pieces(so_far), ...described(scores, kept, id) });
      if (ends.includes(id)) break;
      await rest; // messages are heard meanwhile
    }
    if (writing === ticket) writing = undefined;
    postMessage({ ticket, kind: "end", pieces: tokenizer.pieces(so_far), stopped: ends.includes(so_far.at(-1)) });
  },

  // The ids of some turns of a conversation.
  turns({ ticket, turns }) {
    postMessage({ ticket, kind: "turns", ids: new Template(tokenizer).encode(turns) });
  },

  // Go on with a conversation: `ids` are what was said, `turns` what is new. At most `many` tokens are written, and
  // no more than leave room for the one that ends the answer.
  async answer({ ids, turns, many, ...told }) {
    const so_far = [...ids, ...new Template(tokenizer).prompt(turns)], { context } = gpt.config;
    const room = context - so_far.length - 1;
    if (room < 1) {
      throw new Error(`a conversation must fit the context of ${context} tokens, and ${ids.length} so far, ` +
        `${so_far.length - ids.length - 1} of this turn and 3 of the shortest answer are ${so_far.length + 2}; shorten this turn, or begin anew`);
    }
    await tasks.write({ ...told, ids: so_far, many: Math.min(many, room) });
  },

  stop() {
    writing = undefined;
  },
};

// A token that was drawn, and the likeliest others: what the model gave each, and what was left of it.
function described(scores, kept, id) {
  const plain = softmax(Float64Array.from(scores)), left = sampling.temperature === 0 ? taken(id) : softmax(kept);
  const best = ranked(plain).slice(0, 8), listed = best.includes(id) ? best : [...best.slice(0, -1), id];
  const one = (id) => ({ id, piece: tokenizer.pieces([id])[0], share: plain[id], left: left[id] });
  return { share: plain[id], rank: ranked(plain).indexOf(id), others: listed.map(one) };
}

const taken = (id) => Object.assign(new Float64Array(gpt.config.vocab), { [id]: 1 });

// Scores after these ids. What they share with those read before is not read again.
function read(ids, noted = false) {
  let same = 0, scores;
  while (same < text.length && same < ids.length - 1 && text[same] === ids[same]) same++;
  if (text.length > gpt.config.context && same < text.length) same = 0; // older ones were written over
  if (noted && rows.length < same) same = 0;
  gpt.seen = text.length = same;
  rows.length = Math.min(rows.length, same);
  for (const id of ids.slice(same)) {
    scores = gpt.read(id);
    text.push(id);
    if (noted) rows.push({ shares: softmax(Float64Array.from(scores)), looks: gpt.shares.map((heads) => [...heads]) });
  }
  return scores;
}

async function get(name, cache) {
  const file = await fetch(new URL(name, import.meta.url), { cache });
  if (!file.ok) throw new Error(`the site has no file ${name.split("?")[0]} (${file.status})`);
  return file;
}

// All bytes of a file, and along the way how many have come.
async function received(file, tell) {
  const parts = [], reader = file.body.getReader();
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    tell((bytes += part.value.length));
  }
  return new Blob(parts).arrayBuffer();
}

// Browsers compute checksums for sites that are served safely, and for this machine itself.
async function check(data, sha256) {
  if (!globalThis.crypto?.subtle) return;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const found = Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new Error("the weights that came are damaged: their checksum is not the card's");
}

onmessage = async ({ data }) => {
  try {
    await tasks[data.task](data);
  } catch (error) {
    postMessage({ ticket: data.ticket, kind: "failed", why: error.message });
  }
};
