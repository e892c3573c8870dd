"""What a GPT is made of, in one place: the configuration and its presets.

A preset is a starting point; `dataclasses.replace` makes another size of it:

>>> tiny = replace(GPT2, vocab=512, context=64, width=128, layers=4, heads=4)
"""

from dataclasses import dataclass

SIZES = ("vocab", "context", "width", "layers", "heads", "kv_heads", "hidden")
CHOICES = {  # "none" leaves a part out, to see what goes wrong without it
    "positions": ("learned", "rotary", "none"),
    "norm": ("layer", "rms", "none"),
    "residual": ("pre", "post", "none"),
    "feed_forward": ("relu", "gelu", "gelu_tanh", "squared_relu", "swiglu", "none"),
}


@dataclass(frozen=True)
class GPTConfig:
    """Sizes and parts of a `GPT`; names of parts are listed in `CHOICES`."""

    vocab: int  # tokens that the model knows
    context: int  # tokens that it is trained to look back over, itself included
    width: int  # numbers in a token's vector
    layers: int  # blocks
    heads: int  # attention heads in a block
    kv_heads: int | None = None  # heads with keys and values of their own; None: all
    hidden: int | None = None  # the middle of the feed-forward part; None: 4 * width
    positions: str = "rotary"
    norm: str = "rms"
    residual: str = "pre"
    feed_forward: str = "swiglu"
    qk_norm: bool = False  # RMS norm of each head's queries and keys
    bias: bool = False  # of the linear layers in the blocks
    tied: bool = True  # one matrix turns tokens into vectors and vectors into scores
    dropout: float = 0.0  # share of what a part writes, zeroed in training
    norm_eps: float = 1e-5  # added to a variance before its root divides
    rotary_base: float = 10_000.0  # the slowest pair turns once in 2 pi * base tokens
    init_std: float = 0.02  # spread of the weights at the start
    zero_output: bool = False  # parts add nothing to the stream at the start

    def __post_init__(self):
        """Raises ValueError that names the first field that cannot be."""
        for name in SIZES:
            self._check_size(name)
        for name, choices in CHOICES.items():
            self._check(name, getattr(self, name) in choices, f"one of {choices}")
        for name in ("norm_eps", "rotary_base", "init_std"):
            self._check(name, getattr(self, name) > 0, "above 0")
        self._check("dropout", 0 <= self.dropout < 1, "at least 0 and below 1")
        fits = self.width % self.heads == 0
        self._check("heads", fits, f"a divisor of width {self.width}")
        fits = self.heads % self.kv_head_count == 0
        self._check("kv_heads", fits, f"None or a divisor of heads {self.heads}")
        fits = self.positions != "rotary" or self.dim % 2 == 0
        self._check("heads", fits, "such that rotary gets an even width / heads")

    @property
    def dim(self) -> int:
        """Numbers in one head's query, key or value."""
        return self.width // self.heads

    @property
    def kv_head_count(self) -> int:
        """`kv_heads`, or `heads` where that is None."""
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    def hidden_width(self) -> int:
        """`hidden`, or four times the width where that is None."""
        return 4 * self.width if self.hidden is None else self.hidden

    def _check_size(self, name: str) -> None:
        value = getattr(self, name)
        absent = value is None and name in ("kv_heads", "hidden")
        whole = type(value) is int and value > 0
        self._check(name, absent or whole, "a whole number above 0")

    def _check(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            value = getattr(self, name)
            raise ValueError(f"{name} must be {expected}, got {name}={value!r}")


# The smallest GPT-2: 124 million parameters (Radford et al. 2019, "Language Models are
# Unsupervised Multitask Learners", table 2, where they were counted as 117 million).
GPT2 = GPTConfig(
    vocab=50_257,
    context=1024,
    width=768,
    layers=12,
    heads=12,
    positions="learned",
    norm="layer",
    feed_forward="gelu_tanh",
    bias=True,
)

# The smallest Llama 2: 6.7 billion parameters (Touvron et al. 2023, "Llama 2: Open
# Foundation and Fine-Tuned Chat Models", table 1; "LLaMA", table 2, has the sizes).
LLAMA2 = GPTConfig(
    vocab=32_000,
    context=4096,
    width=4096,
    layers=32,
    heads=32,
    hidden=11_008,
    tied=False,
)

# The book's own, which a CPU trains in half a minute: 0.7 million parameters. It starts
# less timidly than GPT-2, as narrower matrices need. What each choice is worth:
# `python -m benchmarks.improvements`.
SMALL = GPTConfig(
    vocab=512,
    context=64,
    width=128,
    layers=4,
    heads=4,
    hidden=256,
    feed_forward="squared_relu",
    qk_norm=True,
    tied=False,
    init_std=0.05,
    zero_output=True,
)
