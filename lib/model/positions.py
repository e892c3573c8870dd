"""Positions: telling attention, which sees a set, that its tokens come in an order."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Rotation = tuple[Tensor, Tensor]  # the cosines and sines that `cos_sin` makes


def cos_sin(
    positions: Int[Tensor, "*batch time"], dim: int, base: float = 10_000.0
) -> tuple[Float[Tensor, "*batch time pair"], Float[Tensor, "*batch time pair"]]:
    """Cosine and sine of the angle of each position, for each of dim/2 pairs.

    The first pair turns by 1 radian per position, each next pair more slowly, and the
    last almost `base` times as slowly. Both results are float32, whatever the default
    type: bfloat16 cannot tell position 256 from 257.
    Raises ValueError when `dim` is odd.
    """
    if dim % 2:
        raise ValueError(
            f"positions turn pairs: dim (or width) must be even, got {dim}"
        )
    pairs = torch.arange(0, dim, 2, dtype=torch.float32, device=positions.device)
    angles = positions[..., None] * base ** (-pairs / dim)  # batch time pair
    return angles.cos(), angles.sin()


def rotate(
    x: Float[Tensor, "*batch time dim"],
    cos: Float[Tensor, "*#batch time pair"],
    sin: Float[Tensor, "*#batch time pair"],
) -> Float[Tensor, "*batch time dim"]:
    """Rotary positions: turn each pair of numbers by the angle of its position.

    The product of a query at position m and a key at position n then depends on the two
    vectors and on m - n alone. Numbers i and i + dim/2 form a pair, as in Llama's
    weights on Hugging Face (Meta's own files pair neighbors).

    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position
    Embedding", equation 34.
    """
    cos = cos.to(x.dtype)
    sin = sin.to(x.dtype)
    first, second = x.chunk(2, dim=-1)  # batch time pair
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def sinusoidal(
    time: int,
    width: int,
    base: float = 10_000.0,
    device: torch.device | str | None = None,
) -> Float[Tensor, "{time} {width}"]:
    """A fixed vector for each position: sines in even columns, cosines in odd ones.

    The wavelengths grow from 2 pi to `base` * 2 pi positions. Add it to the token
    vectors. Raises ValueError when `width` is odd.

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.5.
    """
    cos, sin = cos_sin(torch.arange(time, device=device), width, base)  # time pair
    return torch.stack([sin, cos], dim=-1).flatten(1)  # time width


def packed_positions(parts: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
    """The place of each token in its own text, where several texts stand in one row.

    `parts` says which text each token belongs to, as for `masks.packed_mask`; the
    tokens of a text stand together. Of [0, 0, 0, 1, 1] the places are [0, 1, 2, 0, 1].
    """
    places = torch.arange(parts.size(1), device=parts.device).expand_as(parts)
    begins = parts != parts.roll(1, dims=1)  # batch time
    begins[:, :1] = True
    starts = torch.where(begins, places, 0).cummax(dim=1).values
    return places - starts


class Learned(nn.Module):
    """Adds a vector that is learned for each of `context` positions (as GPT-2 does)."""

    def __init__(self, context: int, width: int):
        super().__init__()
        self.vectors = nn.Parameter(0.02 * torch.randn(context, width))

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        positions: Int[Tensor, "#batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """`positions` are 0, 1, 2, ... unless given.

        Raises ValueError when there are more tokens than positions were learned, and
        for a position past the last one.
        """
        context = self.vectors.size(0)
        time = x.size(1)
        if time > context:
            raise ValueError(f"positions were learned for {context} tokens, got {time}")
        if positions is None:
            return x + self.vectors[:time]
        try:
            return x + self.vectors[positions]
        except IndexError as error:
            found = f"{positions.min().item()}..{positions.max().item()}"
            raise ValueError(
                f"positions must lie in 0..{context - 1}, got {found}"
            ) from error
