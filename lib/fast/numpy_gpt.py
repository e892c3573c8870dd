"""The whole GPT without PyTorch: a token in, scores for the next one out, in NumPy.

It does what `lib.model.gpt.GPT` does with a key-value cache. Weights have its names.
"""

from functools import partial

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lib.model.config import GPTConfig


class NumPyGPT:
    """Reads one text, token by token, and keeps of it what `KeyValueCache` keeps."""

    def __init__(self, config: GPTConfig, weights: dict[str, ndarray]):
        """`weights` as in `GPT(config).state_dict()`, but arrays of float32."""
        self.config = config
        self.weights = weights
        self.seen = 0  # tokens; number t is kept in slot t % context
        shape = (config.layers, 2, config.kv_head_count, config.context, config.dim)
        self.kept = np.zeros(shape, np.float32)

    def read(self, token: int) -> Float32[ndarray, " vocab"]:
        """Scores (logits) for the token that follows this one and those before it.

        Raises ValueError for a token outside the vocabulary, or past learned positions.
        """
        c = self.config
        if not 0 <= token < c.vocab:
            raise ValueError(f"token must lie in 0..{c.vocab - 1}, got {token}")
        if c.positions == "learned" and self.seen >= c.context:
            raise ValueError(f"positions were learned for {c.context} tokens only")
        x = self.weights["embed.tokens.weight"][token]  # width
        if c.positions == "learned":
            x = x + self.weights["embed.positions.vectors"][self.seen]
        rotation = cos_sin(self.seen, c) if c.positions == "rotary" else None
        for layer, kept in enumerate(self.kept):
            attention = partial(self.attention, kept=kept, rotation=rotation)
            x = self.sublayer(x, attention, f"blocks.{layer}.attention")
            if c.feed_forward != "none":
                x = self.sublayer(x, self.feed_forward, f"blocks.{layer}.feed_forward")
        if c.residual != "post":
            x = self.norm(x, "norm")
        self.seen += 1
        return self.linear(x, "unembed")  # vocab

    def sublayer(self, x, part, name):
        """Join the residual stream: x + part(norm(x)), or as the configuration says."""
        if self.config.residual == "post":
            return self.norm(x + part(x, f"{name}.part"), f"{name}.norm")
        y = part(self.norm(x, f"{name}.norm"), f"{name}.part")
        return x + y if self.config.residual == "pre" else y

    def attention(self, x, name, kept, rotation):
        """softmax(q k / sqrt(dim)) v in each head, over the tokens that are kept."""
        c = self.config
        q = self.linear(x, f"{name}.to_query").reshape(c.heads, c.dim)
        k = self.linear(x, f"{name}.to_key").reshape(c.kv_head_count, c.dim)
        v = self.linear(x, f"{name}.to_value").reshape(c.kv_head_count, c.dim)
        if c.qk_norm:
            q = rms_norm(q, self.weights[f"{name}.norm_query.weight"], c.norm_eps)
            k = rms_norm(k, self.weights[f"{name}.norm_key.weight"], c.norm_eps)
        if rotation is not None:
            q, k = rotate(q, *rotation), rotate(k, *rotation)
        kept[:, :, self.seen % c.context] = k, v
        keys, values = kept[:, :, : self.seen + 1]  # kv_head key dim, twice
        q = q.reshape(c.kv_head_count, -1, c.dim)  # kv_head group dim: a group shares k
        scores = q @ keys.mT / c.dim**0.5  # kv_head group key
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = shares / shares.sum(-1, keepdims=True) @ values  # kv_head group dim
        return self.linear(mixed.reshape(-1), f"{name}.to_output")

    def feed_forward(self, x, name):
        hidden = self.linear(x, f"{name}.to_hidden")
        if self.config.feed_forward == "swiglu":
            gate = self.linear(x, f"{name}.to_gate")
            hidden = hidden * gate * (1 + np.tanh(gate / 2)) / 2  # gate * sigmoid(gate)
        else:
            hidden = activation(hidden, self.config.feed_forward)
        return self.linear(hidden, f"{name}.to_output")

    def linear(self, x, name):
        return self.weights[f"{name}.weight"] @ x + self.weights.get(f"{name}.bias", 0)

    def norm(self, x, name):
        if self.config.norm == "none":
            return x
        x = x - x.sum() / len(x) if self.config.norm == "layer" else x
        x = rms_norm(x, self.weights[f"{name}.weight"], self.config.norm_eps)
        return x + self.weights.get(f"{name}.bias", 0)


def rms_norm(x, scale, eps):
    return x / np.sqrt(np.vecdot(x, x)[..., None] / x.shape[-1] + eps) * scale


def cos_sin(position, config):
    pairs = np.arange(0, config.dim, 2, dtype=np.float32)
    angles = position * config.rotary_base ** (-pairs / config.dim)  # pair
    return np.cos(angles), np.sin(angles)


def rotate(x, cos, sin):
    first, second = x[:, : len(cos)], x[:, len(cos) :]  # head pair
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], 1)


def activation(x, kind):
    if kind == "gelu_tanh":
        return x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x))) / 2
    if kind == "gelu":  # erf: Abramowitz & Stegun 1964, 7.1.26, at most 1.5e-7 off
        t = 1 / (1 + 0.3275911 * np.abs(x) / 2**0.5)
        sums = t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))
        sums = t * (0.254829592 + t * (-0.284496736 + sums))
        return x * (1 + np.sign(x) * (1 - sums * np.exp(-x * x / 2))) / 2
    return np.maximum(x, 0) ** (1 if kind == "relu" else 2)
