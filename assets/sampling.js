// From scores to one token: the steps of lib/generate/sampling.py, in its order and under its names.
//
// Scores and shares are Float64Arrays over the vocabulary; minus infinity rules a token out.

export const PLAIN = { temperature: 1, top_k: null, top_p: null, min_p: null, repetition_penalty: 1 };

// Scores after the penalty, the temperature (unless 0) and the filters. `text` has the ids so far.
export function filtered(logits, text, sampling) {
  const { temperature, top_k, top_p, min_p, repetition_penalty } = checked({ ...PLAIN, ...sampling }, logits.length);
  let scores = Float64Array.from(logits);
  if (repetition_penalty !== 1) scores = penalized(scores, text, repetition_penalty);
  if (temperature !== 0 && temperature !== 1) scores = at_temperature(scores, temperature);
  if (top_k !== null) scores = keep_top_k(scores, top_k);
  if (top_p !== null) scores = keep_top_p(scores, top_p);
  if (min_p !== null) scores = keep_min_p(scores, min_p);
  return scores;
}

// The id that is drawn, by a number from 0 to 1; at temperature 0 the likeliest.
export function choose(scores, temperature, number) {
  if (temperature === 0) return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  const shares = softmax(scores);
  let left = number, last = 0;
  for (let id = 0; id < shares.length; id++) {
    if (shares[id] === 0) continue;
    last = id; // sums of shares may end just below 1
    left -= shares[id];
    if (left < 0) return id;
  }
  return last;
}

export function softmax(scores) {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// Ids by their shares, the likeliest first.
export function ranked(shares) {
  return Array.from(shares.keys()).sort((a, b) => shares[b] - shares[a]);
}

// Numbers from 0 to 1 that look like chance and are the same for the same seed.
// Source: Marsaglia 2003, "Xorshift RNGs", section 4, with the seed stirred by a product.
export function numbers(seed) {
  let state = (Math.imul(seed + 1, 2654435761) ^ 88675123) | 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next();
  return next;
}

const only = (scores, keep) => scores.map((score, id) => (keep(id) ? score : -Infinity));

function penalized(scores, text, penalty) {
  const seen = new Set(text);
  return scores.map((score, id) => (!seen.has(id) ? score : score > 0 ? score / penalty : score * penalty));
}

function at_temperature(scores, temperature) {
  const most = scores.reduce((a, b) => Math.max(a, b)); // moved to 0 first: a tiny one makes nothing infinite
  return scores.map((score) => (score - most) / temperature);
}

function keep_top_k(scores, k) {
  const last = Float64Array.from(scores).sort()[scores.length - k]; // those equal to it stay too
  return only(scores, (id) => scores[id] >= last);
}

function keep_top_p(scores, p) {
  const shares = softmax(scores), kept = new Set();
  let sum = 0;
  for (const id of ranked(shares)) {
    sum += shares[id];
    if (sum - shares[id] >= p) break; // the likelier ones have p together
    kept.add(id);
  }
  return only(scores, (id) => kept.has(id));
}

function keep_min_p(scores, p) {
  const shares = softmax(scores), least = p * shares.reduce((a, b) => Math.max(a, b));
  return only(scores, (id) => shares[id] >= least);
}

function checked(sampling, vocab) {
  const { temperature, top_k, top_p, min_p, repetition_penalty } = sampling;
  const refuse = (name, expected) => { throw new RangeError(`${name} must be ${expected}, got ${sampling[name]}`); };
  const share = (p) => p === null || (Number.isFinite(p) && p > 0 && p <= 1);
  if (!(Number.isFinite(temperature) && temperature >= 0)) refuse("temperature", "0 or above");
  if (top_k !== null && !(Number.isInteger(top_k) && top_k >= 1 && top_k <= vocab)) refuse("top_k", `in 1..${vocab}`);
  if (!share(top_p)) refuse("top_p", "above 0 and at most 1");
  if (!share(min_p)) refuse("min_p", "above 0 and at most 1");
  if (!(Number.isFinite(repetition_penalty) && repetition_penalty > 0)) refuse("repetition_penalty", "above 0");
  return sampling;
}
