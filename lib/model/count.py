"""Counting: how many numbers a GPT learns, and how much work a pass through it is.

Both are formulas of the configuration alone, part by part: no model has to be built.
"""

from .config import GPTConfig

Counts = dict[str, int]


def parameters(config: GPTConfig) -> Counts:
    """Numbers that are learned, by part of the model; their sum is the model's size.

    A tied head learns nothing of its own: its matrix is counted with the embedding.

    Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", table 1
    (there without biases, norms and grouped heads).
    """
    c = config
    learned = c.context if c.positions == "learned" else 0
    narrow = 2 * c.kv_head_count * c.dim  # keys and values
    attention = c.width * (2 * c.width + narrow) + c.bias * (2 * c.width + narrow)
    return {
        "embedding": (c.vocab + learned) * c.width,
        "attention": c.layers * attention,
        "feed_forward": c.layers * _feed_forward(c),
        "norm": _norms(c) * c.width * {"layer": 2, "rms": 1, "none": 0}[c.norm]
        + c.layers * 2 * c.dim * c.qk_norm,
        "unembed": 0 if c.tied else c.width * c.vocab,
    }


def flops(config: GPTConfig, batch: int, time: int) -> Counts:
    """Floating-point operations of one forward pass over `batch` times `time` tokens.

    Only matrix products are counted, a multiplication and an addition as two; all else
    (norms, softmax, activations, looking up the embedding) is small beside them. Scores
    of pairs that the causal mask hides are counted too. A training step is three times
    this: to go back through a product takes two more of its size.

    Source: Kaplan et al. 2020, section 2.1 and table 1.
    """
    c = config
    tokens = batch * time
    narrow = 2 * c.kv_head_count * c.dim  # keys and values
    project = c.width * (2 * c.width + narrow)
    look = 2 * time * c.width  # scores of all positions, and the mix of their values
    return {
        "embedding": 0,
        "attention": 2 * tokens * c.layers * (project + look),
        "feed_forward": 2 * tokens * c.layers * _matrices(c) * c.width * c.hidden_width,
        "norm": 0,
        "unembed": 2 * tokens * c.width * c.vocab,
    }


def _matrices(c: GPTConfig) -> int:
    """Matrices of width times hidden in a feed-forward part."""
    return {"none": 0, "swiglu": 3}.get(c.feed_forward, 2)


def _feed_forward(c: GPTConfig) -> int:
    """Parameters of one feed-forward part."""
    widen = max(_matrices(c) - 1, 0)  # all matrices but one lead to the hidden numbers
    biases = widen * c.hidden_width + c.width if _matrices(c) else 0
    return _matrices(c) * c.width * c.hidden_width + c.bias * biases


def _norms(c: GPTConfig) -> int:
    """One norm in each sublayer, and one at the end unless a sublayer ends in one."""
    sublayers = 1 if c.feed_forward == "none" else 2
    return c.layers * sublayers + (c.residual != "post")
