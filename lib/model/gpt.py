"""GPT: a stack of blocks that predicts the next token."""

import math
from itertools import repeat

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.fast.linear import Linear
from lib.fast.norm import RMSNorm
from lib.inside import hooks
from lib.model.attention import MultiHeadAttention
from lib.model.block import Block, NoResidual, PostNorm, PreNorm
from lib.model.cache import KeyValueCache
from lib.model.config import GPTConfig
from lib.model.feedforward import FEED_FORWARDS
from lib.model.masks import causal_mask
from lib.model.positions import Learned, Rotary

NORMS = {"layer": nn.LayerNorm, "rms": RMSNorm, "none": nn.Identity}
STEPS = {"pre": PreNorm, "post": PostNorm, "none": NoResidual}


class GPT(nn.Module):
    """Token vectors, a stack of blocks that may not look ahead, a score a token.

    The configuration chooses the modules here, once; `forward` is the same for all.

    Sources: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
    section 2.3; Touvron et al. 2023, "LLaMA: Open and Efficient Foundation Language
    Models", section 2.2; Press & Wolf 2017, "Using the Output Embedding to Improve
    Language Models" (the tied matrix).
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        rotary = Rotary(config.rotary_base) if config.positions == "rotary" else None
        self.embed = Embedding(config)
        self.blocks = nn.ModuleList(
            _block(config, rotary) for _ in range(config.layers)
        )
        self.norm = nn.Identity() if config.residual == "post" else _norm(config)
        self.unembed = Linear(config.width, config.vocab, bias=False)
        _start(self, config)
        if config.tied:
            self.unembed.weight = self.embed.tokens.weight

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: KeyValueCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Scores (logits) for the token that follows each position.

        `cache` and what raises ValueError as in `vectors`.
        """
        return self.unembed(self.vectors(ids, cache))

    def vectors(
        self, ids: Int[Tensor, "batch time"], cache: KeyValueCache | None = None
    ) -> Float[Tensor, "batch time width"]:
        """What each position knows after the last block and norm: for heads of any use.

        With a `cache`, `ids` go on from the tokens that it has seen.
        Raises ValueError when learned positions are fewer than the tokens.
        """
        if cache is None:
            mask, layers = causal_mask(ids.size(1), ids.device), repeat(None)
        else:
            mask, layers = cache.advance(ids), cache.layers
        x = self.embed(ids, None if cache is None else cache.positions)
        for block, layer in zip(self.blocks, layers, strict=False):
            x = block(x, mask, layer)  # batch time width
        return self.norm(x)

    def attention_weights(
        self, ids: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch layer head time time"]:
        """How much each position looks at each other one, in every head."""
        return torch.stack(list(hooks.attention_weights(self, ids).values()), dim=1)

    def residual_stream(
        self, ids: Int[Tensor, "batch time"]
    ) -> dict[str, Float[Tensor, "batch time width"]]:
        """The tokens' vectors after each part that wrote to them, bottom to top.

        The keys are the parts' names: "embed", "blocks.0.attention",
        "blocks.0.feed_forward", "blocks.1.attention", ...
        """
        steps = [
            f"blocks.{layer}.{step}"
            for layer in range(self.config.layers)
            for step in ("attention", "feed_forward")
        ]
        seen = hooks.watch(self, ["embed", *steps], ids)
        return {name: stream for name, (_, stream) in seen.items()}


class Embedding(nn.Module):
    """From token ids to the vectors that enter the stream."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab, config.width)
        learned = config.positions == "learned"
        self.positions = Learned(config.context, config.width) if learned else None
        self.dropout = nn.Dropout(config.dropout) if config.dropout else nn.Identity()

    def forward(
        self,
        ids: Int[Tensor, "batch time"],
        positions: Int[Tensor, "#batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """`positions` are 0, 1, 2, ... unless given."""
        x = self.tokens(ids)
        if self.positions is not None:
            x = self.positions(x, positions)
        return self.dropout(x)


def _block(config: GPTConfig, rotary: nn.Module | None) -> Block:
    attention = MultiHeadAttention(
        config.width,
        config.heads,
        config.kv_heads,
        rotary,
        config.bias,
        config.norm_eps if config.qk_norm else None,
    )
    if config.feed_forward == "none":
        return Block(_step(config, attention), nn.Identity())
    make = FEED_FORWARDS[config.feed_forward]
    feed_forward = make(config.width, config.hidden_width, config.bias)
    return Block(_step(config, attention), _step(config, feed_forward))


def _step(config: GPTConfig, part: nn.Module) -> nn.Module:
    return STEPS[config.residual](part, _norm(config), config.dropout)


def _norm(config: GPTConfig) -> nn.Module:
    return NORMS[config.norm](config.width, eps=config.norm_eps)


def _start(model: nn.Module, config: GPTConfig) -> None:
    """Draw the first weights so that the stream does not grow with the depth.

    The 2 * layers parts each add to the stream. Independent numbers add up by their
    variances, so a part that writes gets weights smaller by sqrt(2 * layers): together
    the parts then add the variance of one, however many layers there are. With
    `zero_output` they add nothing: the first steps teach them what to add.

    Sources: Radford et al. 2019, section 2.3; Bachlechner et al. 2021, "ReZero is All
    You Need: Fast Convergence at Large Depth" (parts that start silent).
    """
    quiet = 0.0 if config.zero_output else 1 / math.sqrt(2 * config.layers)
    for name, weights in model.named_parameters():
        if weights.dim() == 2:  # matrices; vectors that scale (in a norm) start as ones
            scale = quiet if name.endswith("to_output.weight") else 1.0
            nn.init.normal_(weights, std=config.init_std * scale)
        elif name.endswith("bias"):
            nn.init.zeros_(weights)
