// The whole GPT in plain JavaScript: a token in, scores for the next one out.
//
// It does what lib/fast/numpy_gpt.py does, step by step and under the same names, with the weights that
// lib/hub/pretrained.py stores. A vector is a Float32Array; a matrix is one too, row after row.

export class GPT {
  // Reads one text, token by token, and keeps the keys and values of its last `context` tokens.
  // `config` is that of a card of the hub, `weights` what `read_weights` gives.
  constructor(config, weights) {
    const kv_head_count = config.kv_heads ?? config.heads;
    this.config = { ...config, kv_head_count, dim: config.width / config.heads };
    this.weights = config.tied ? { ...weights, "unembed.weight": weights["embed.tokens.weight"] } : weights;
    this.seen = 0; // tokens; number t is kept in slot t % context
    const size = config.context * kv_head_count * this.config.dim; // slot kv_head dim
    this.kept = Array.from({ length: 2 * config.layers }, () => new Float32Array(size)); // keys, values, keys
    this.shares = []; // by layer and head: how much the last token looked at each slot
  }

  // Scores (logits) for the token that follows this one and those before it.
  read(token) {
    const c = this.config, position = this.seen;
    if (!(Number.isInteger(token) && token >= 0 && token < c.vocab)) {
      throw new RangeError(`token must lie in 0..${c.vocab - 1}, got ${token}`);
    }
    if (c.positions === "learned" && position >= c.context) {
      throw new RangeError(`positions were learned for ${c.context} tokens only`);
    }
    const row = (name, number) => this.weight(name).slice(number * c.width, (number + 1) * c.width);
    let x = row("embed.tokens.weight", token); // width
    if (c.positions === "learned") x = add(x, row("embed.positions.vectors", position));
    const rotation = c.positions === "rotary" ? cos_sin(position, c) : null;
    for (let layer = 0; layer < c.layers; layer++) {
      const attention = (y, name) => this.attention(y, name, layer, rotation);
      const feed_forward = (y, name) => this.feed_forward(y, name);
      x = this.sublayer(x, attention, `blocks.${layer}.attention`);
      if (c.feed_forward !== "none") x = this.sublayer(x, feed_forward, `blocks.${layer}.feed_forward`);
    }
    if (c.residual !== "post") x = this.norm(x, "norm");
    this.seen += 1;
    return this.linear(x, "unembed"); // vocab
  }

  // Join the residual stream: x + part(norm(x)), or as the configuration says.
  sublayer(x, part, name) {
    if (this.config.residual === "post") return this.norm(add(x, part(x, `${name}.part`)), `${name}.norm`);
    const y = part(this.norm(x, `${name}.norm`), `${name}.part`);
    return this.config.residual === "pre" ? add(x, y) : y;
  }

  // softmax(q k / sqrt(dim)) v in each head, over the tokens that are kept.
  attention(x, name, layer, rotation) {
    const c = this.config, [keys, values] = this.kept.slice(2 * layer, 2 * layer + 2);
    let q = this.linear(x, `${name}.to_query`); // head dim
    let k = this.linear(x, `${name}.to_key`); // kv_head dim
    const v = this.linear(x, `${name}.to_value`);
    if (c.qk_norm) {
      q = rms_norm(q, this.weight(`${name}.norm_query.weight`), c.norm_eps);
      k = rms_norm(k, this.weight(`${name}.norm_key.weight`), c.norm_eps);
    }
    if (rotation) [q, k] = [q, k].map((each) => rotate(each, ...rotation));
    const row = k.length, slot = this.seen % c.context, many = Math.min(this.seen + 1, c.context);
    keys.set(k, slot * row);
    values.set(v, slot * row);
    const mixed = new Float32Array(c.width); // head dim
    this.shares[layer] = Array.from({ length: c.heads }, (_, head) => {
      const kv_head = Math.floor((head * c.kv_head_count) / c.heads); // a group of heads shares k
      const here = kv_head * c.dim, there = head * c.dim, query = q.subarray(there, there + c.dim);
      const scores = new Float32Array(many);
      for (let t = 0; t < many; t++) scores[t] = dot(keys, t * row + here, query) / Math.sqrt(c.dim);
      const shares = softmax(scores);
      for (let t = 0; t < many; t++) {
        for (let i = 0; i < c.dim; i++) mixed[there + i] += shares[t] * values[t * row + here + i];
      }
      return shares;
    });
    return this.linear(mixed, `${name}.to_output`);
  }

  feed_forward(x, name) {
    let hidden = this.linear(x, `${name}.to_hidden`);
    if (this.config.feed_forward === "swiglu") {
      const gate = this.linear(x, `${name}.to_gate`);
      hidden = hidden.map((h, i) => (h * gate[i]) / (1 + Math.exp(-gate[i]))); // gate * sigmoid(gate)
    } else {
      hidden = activation(hidden, this.config.feed_forward);
    }
    return this.linear(hidden, `${name}.to_output`);
  }

  linear(x, name) {
    return add(product(this.weight(`${name}.weight`), x), this.weights[`${name}.bias`]);
  }

  norm(x, name) {
    if (this.config.norm === "none") return x;
    const mean = this.config.norm === "layer" ? x.reduce((a, b) => a + b) / x.length : 0;
    const y = rms_norm(x.map((each) => each - mean), this.weight(`${name}.weight`), this.config.norm_eps);
    return add(y, this.weights[`${name}.bias`]);
  }

  weight(name) {
    if (!this.weights[name]) throw new Error(`the weight ${name} is missing`);
    return this.weights[name];
  }
}

const add = (x, y) => (y ? x.map((each, i) => each + y[i]) : x); // there may be no bias

// A matrix times x. Nearly all the time is spent here: four rows share what is read of x.
function product(matrix, x) {
  const many = x.length, y = new Float32Array(matrix.length / many);
  let row = 0;
  for (; row + 4 <= y.length; row += 4) {
    let a = 0, b = 0, c = 0, d = 0;
    for (let i = 0, at = row * many; i < many; i++, at++) {
      a += matrix[at] * x[i];
      b += matrix[at + many] * x[i];
      c += matrix[at + 2 * many] * x[i];
      d += matrix[at + 3 * many] * x[i];
    }
    y.set([a, b, c, d], row);
  }
  for (; row < y.length; row++) y[row] = dot(matrix, row * many, x);
  return y;
}

// Of x and as many numbers of a matrix, from one place on.
function dot(matrix, from, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += matrix[from + i] * x[i];
  return sum;
}

function softmax(scores) {
  const most = Math.max(...scores), powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// Each stretch of x as long as the scale by itself: all of it, or a head.
function rms_norm(x, scale, eps) {
  const y = new Float32Array(x.length), many = scale.length;
  for (let from = 0; from < x.length; from += many) {
    const size = Math.sqrt(dot(x, from, x.subarray(from, from + many)) / many + eps);
    for (let i = 0; i < many; i++) y[from + i] = (x[from + i] / size) * scale[i];
  }
  return y;
}

function cos_sin(position, config) {
  const angle = (_, pair) => position * config.rotary_base ** ((-2 * pair) / config.dim);
  const angles = Array.from({ length: config.dim / 2 }, angle); // pair
  return [angles.map(Math.cos), angles.map(Math.sin)];
}

function rotate(x, cos, sin) {
  const half = cos.length; // of a head: number i makes a pair with half + i
  return x.map((each, i) => {
    const first = i % (2 * half) < half, other = first ? -x[i + half] : x[i - half];
    return each * cos[i % half] + other * sin[i % half];
  });
}

function activation(x, kind) {
  if (kind === "gelu") return x.map(gelu);
  if (kind === "gelu_tanh") return x.map(gelu_tanh);
  return x.map((h) => (h <= 0 ? 0 : kind === "relu" ? h : h * h));
}

const gelu_tanh = (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))) / 2;
function gelu(x) { // erf: Abramowitz & Stegun 1964, 7.1.26, at most 1.5e-7 off
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const sums = t * (1.421413741 + t * (-1.453152027 + t * 1.061405429));
  return (x * (1 + Math.sign(x) * (1 - t * (0.254829592 + t * (-0.284496736 + sums)) * Math.exp((-x * x) / 2)))) / 2;
}

// The weights in a file of safetensors (an ArrayBuffer) by name; half precision and eight bits become float32.
export function read_weights(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true)), stored = {}, weights = {};
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  delete header.__metadata__;
  for (const [name, { dtype, data_offsets }] of Object.entries(header)) {
    const kind = { I8: Int8Array, F16: Uint16Array, F32: Float32Array }[dtype];
    if (!kind) throw new Error(`${name} has numbers of the kind ${dtype}, which is not known here`);
    stored[name] = new kind(buffer.slice(...data_offsets.map((place) => 8 + length + place)));
  }
  for (const [name, values] of Object.entries(stored).filter(([name]) => !name.endsWith(".scale"))) {
    const scale = stored[`${name}.scale`], columns = scale && values.length / scale.length;
    const whole = (weights[name] = new Float32Array(values));
    if (values instanceof Uint16Array) weights[name] = whole.map(from_half);
    for (let i = 0; scale && i < whole.length; i++) whole[i] *= scale[Math.floor(i / columns)];
  }
  return weights;
}

function from_half(bits) {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24;
}
