// Tokens in JavaScript: a text as ids, and back. The same ids as lib/tokens/tokenizer.py gives.

const BYTES = 256; // ids 0 to 255 are the bytes themselves
// GPT-2's words, as in lib/tokens/bpe.py. White space is Unicode's: JavaScript's own \s differs from it.
const SPACE = "\\p{White_Space}";
const WORD = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`, "gu");
const utf8 = new TextEncoder();

// The tokenizer that a card of the hub describes.
export function make_tokenizer(card) {
  if (card.alphabet !== undefined) return new CharacterTokenizer(card.alphabet);
  const ids = card.merges.split(/\s+/).filter(Boolean).map(Number), pairs = [];
  for (let i = 0; i < ids.length; i += 2) pairs.push([ids[i], ids[i + 1]]);
  return new BytePairTokenizer(pairs, card.special);
}

// One token a character; `alphabet` is a string of them, the number of each its id.
export class CharacterTokenizer {
  constructor(alphabet) {
    this.tokens = Array.from(alphabet);
    this.ids = new Map(this.tokens.map((token, id) => [token, id]));
    this.special = {};
  }

  // Characters of a text that are not in the alphabet, each once.
  unknown(text) {
    return [...new Set(text)].filter((each) => !this.ids.has(each)).sort();
  }

  encode(text) {
    const unknown = this.unknown(text);
    if (unknown.length) throw new Error(`characters that are not in the vocabulary: ${unknown.join(" ")}`);
    return Array.from(text, (each) => this.ids.get(each));
  }

  decode(ids) {
    return ids.map((id) => known(this.tokens, id)).join("");
  }

  // The text that each id adds.
  pieces(ids) {
    return ids.map((id) => known(this.tokens, id));
  }
}

// Pieces of words. `merges` are pairs of ids in the order learned, `special` the names of special tokens.
export class BytePairTokenizer {
  constructor(merges, special = []) {
    this.merges = merges;
    this.tokens = Array.from({ length: BYTES }, (_, byte) => [byte]); // the bytes of each id
    this.ranks = new Map();
    for (const [first, second] of merges) {
      this.ranks.set(key(first, second), this.tokens.length);
      this.tokens.push([...known(this.tokens, first), ...known(this.tokens, second)]);
    }
    this.special = Object.fromEntries(special.map((name, n) => [name, this.tokens.length + n]));
    this.tokens.push(...special.map((name) => [...utf8.encode(name)]));
  }

  // Where a text names a special token, that is plain text.
  encode(text) {
    if (/\p{Surrogate}/u.test(text)) throw new Error("the text has half of a character in it");
    return (text.match(WORD) ?? []).flatMap((word) => this.apply_merges([...utf8.encode(word)]));
  }

  // Merge the pair that was learned first, and repeat.
  apply_merges(ids) {
    for (;;) {
      let best = Infinity;
      for (let i = 1; i < ids.length; i++) best = Math.min(best, this.ranks.get(key(ids[i - 1], ids[i])) ?? Infinity);
      if (best === Infinity) return ids;
      ids = merge_pair(ids, this.merges[best - BYTES], best);
    }
  }

  // Bytes that are not UTF-8 are shown as U+FFFD.
  decode(ids) {
    return this.pieces(ids).join("");
  }

  // The text that each id adds: nothing, where a character goes on in the next one.
  pieces(ids) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const pieces = ids.map((id) => decoder.decode(new Uint8Array(known(this.tokens, id)), { stream: true }));
    if (pieces.length) pieces[pieces.length - 1] += decoder.decode();
    return pieces;
  }
}

const key = (first, second) => first * 2 ** 24 + second;

function known(tokens, id) {
  if (tokens[id] === undefined) throw new RangeError(`ids must lie in 0..${tokens.length - 1}, got ${id}`);
  return tokens[id];
}

// Write `merged` wherever the pair stands, left to right.
function merge_pair(ids, [first, second], merged) {
  const out = [];
  for (const id of ids) {
    if (id === second && out[out.length - 1] === first) out[out.length - 1] = merged;
    else out.push(id);
  }
  return out;
}
