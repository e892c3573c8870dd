"""GPT: a stack of blocks that predicts the next token."""

import math
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor, nn

from .attention import MultiHeadAttention
from .block import Block, NoResidual, PostNorm, PreNorm, Sublayer
from .cache import KeyValueCache
from .config import GPTConfig
from .embedding import Embedding, check_ids
from .feedforward import FEED_FORWARDS
from .positions import cos_sin

NORMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm, "none": nn.Identity}
SUBLAYERS = {"pre": PreNorm, "post": PostNorm, "none": NoResidual}


class GPT(nn.Module):
    """Token vectors, a stack of blocks that may not look ahead, a score a token.

    The configuration chooses the modules here, once.

    Sources: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
    section 2.3; Touvron et al. 2023, "LLaMA: Open and Efficient Foundation Language
    Models", section 2.2; Press & Wolf 2017, "Using the Output Embedding to Improve
    Language Models" (the tied matrix).
    """

    causal = True  # nobody looks ahead

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        learned = config.context if config.positions == "learned" else None
        self.embed = Embedding(config.vocab, config.width, learned, config.dropout)
        self.rotation = None
        if config.positions == "rotary":
            self.rotation = partial(cos_sin, dim=config.dim, base=config.rotary_base)
        self.blocks = nn.ModuleList(_block(config) for _ in range(config.layers))
        self.norm = nn.Identity() if config.residual == "post" else _norm(config)
        self.unembed = nn.Linear(config.width, config.vocab, bias=False)
        init_weights(self, config)
        if config.tied:
            self.unembed.weight = self.embed.tokens.weight

    def forward(
        self,
        ids: Integer[Tensor, "batch time"],
        cache: KeyValueCache | None = None,
        mask: Bool[Tensor, "#batch #head #time #time"] | None = None,
        positions: Int[Tensor, "#batch time"] | None = None,
    ) -> Float[Tensor, "batch time vocab"]:
        """Scores (logits) for the token that follows each position.

        The arguments, and what raises ValueError, as in `vectors`.
        """
        return self.unembed(self.vectors(ids, cache, mask, positions))

    def vectors(
        self,
        ids: Integer[Tensor, "batch time"],
        cache: KeyValueCache | None = None,
        mask: Bool[Tensor, "#batch #head #time #time"] | None = None,
        positions: Int[Tensor, "#batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """What each position knows after the last block and norm: for heads of any use.

        With a `cache`, `ids` go on from the tokens that it has seen. Without one, a
        `mask` may say who looks at whom; by default each looks at itself and the past.
        `positions` are 0, 1, 2, ... unless given: texts that share a row begin anew.
        Raises ValueError when there is no token, when `ids` are no ids of the
        vocabulary, when learned positions are fewer than the tokens, and for a mask or
        positions beside a cache.
        """
        ids = check_ids(ids)
        batch, time = ids.shape
        if cache is not None and mask is not None:
            raise ValueError("a cache makes its own mask, got a mask beside it")
        if cache is not None and positions is not None:
            raise ValueError("a cache counts positions, got some beside it")
        layers = [None] * len(self.blocks)
        if cache is not None:
            positions, mask = cache.advance(batch, time)
            layers = cache.layers
        elif positions is None:
            positions = torch.arange(time, device=ids.device)[None]  # 1 time
        causal = self.causal and cache is None and mask is None
        x = self.embed(ids, positions)  # batch time width
        rotation = None
        if self.rotation is not None:
            rotation = self.rotation(positions[:, None])  # twice batch 1 time pair
        for block, layer in zip(self.blocks, layers, strict=True):
            x = block(x, mask=mask, cache=layer, rotation=rotation, causal=causal)
        return self.norm(x)

    def new_cache(self, padding: Sequence[int] = (0,)) -> KeyValueCache:
        """An empty cache for this model, of its type and on its device.

        `padding` has a number for each text, see `KeyValueCache`.
        """
        weight = next(self.parameters())
        return KeyValueCache(
            self.config.layers,
            self.config.kv_head_count,
            self.config.context,
            self.config.dim,
            padding,
            slides=self.config.positions != "learned",
            dtype=weight.dtype,
            device=weight.device,
        )


def init_weights(model: nn.Module, config: GPTConfig) -> None:
    """Draw the first weights so that the stream does not grow with the depth.

    The 2 * layers parts each add to the stream. Independent numbers add up by their
    variances, so a part that writes gets weights smaller by sqrt(2 * layers): together
    the parts then add the variance of one, however many layers there are. With
    `zero_output` they add nothing: the first steps teach them what to add.

    Sources: Radford et al. 2019, section 2.3; Bachlechner et al. 2021, "ReZero is All
    You Need: Fast Convergence at Large Depth" (parts that start silent).
    """
    output_scale = 0.0 if config.zero_output else 1 / math.sqrt(2 * config.layers)
    for name, weights in model.named_parameters():
        if weights.dim() == 2:  # matrices; vectors that scale (in a norm) start as ones
            scale = output_scale if name.endswith("to_output.weight") else 1.0
            nn.init.normal_(weights, std=config.init_std * scale)
        elif name.endswith("bias"):
            nn.init.zeros_(weights)


def _block(config: GPTConfig) -> Block:
    attention = MultiHeadAttention(
        config.width,
        config.heads,
        config.kv_heads,
        bias=config.bias,
        qk_norm=config.norm_eps if config.qk_norm else None,
    )
    if config.feed_forward == "none":
        return Block(_sublayer(config, attention), nn.Identity())
    make = FEED_FORWARDS[config.feed_forward]
    feed_forward = make(config.width, config.hidden_width, config.bias)
    return Block(_sublayer(config, attention), _sublayer(config, feed_forward))


def _sublayer(config: GPTConfig, part: nn.Module) -> Sublayer:
    return SUBLAYERS[config.residual](part, _norm(config), config.dropout)


def _norm(config: GPTConfig) -> nn.Module:
    return NORMS[config.norm](config.width, eps=config.norm_eps)
