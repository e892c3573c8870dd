"""Positions: telling attention, which sees a set, that its tokens come in an order."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


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
    angles = _angles(torch.arange(time, device=device), width, base)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class Sinusoidal(nn.Module):
    """Adds the `sinusoidal` vector of each position to its token."""

    def forward(
        self, x: Float[Tensor, "batch time width"]
    ) -> Float[Tensor, "batch time width"]:
        return x + sinusoidal(x.size(1), x.size(2), device=x.device).to(x.dtype)


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

        Raises ValueError when there are more tokens than positions were learned.
        """
        context, time = self.vectors.size(0), x.size(1)
        if time > context:
            raise ValueError(f"positions were learned for {context} tokens, got {time}")
        places = slice(time) if positions is None else positions
        return x + self.vectors[places]


class Rotary(nn.Module):
    """Turns queries and keys by an angle that grows with their position.

    The product of a query at position m and a key at position n then depends on the two
    vectors and on m - n alone. Number i and number i + dim/2 of a vector are the two
    coordinates that are turned together, as in Llama's weights on Hugging Face (Meta's
    own files pair neighbors).

    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position
    Embedding", equation 34.
    """

    def __init__(self, base: float = 10_000.0):
        super().__init__()
        self.base = base

    def forward(
        self, x: Float[Tensor, "batch head time dim"], *turns: Tensor
    ) -> Float[Tensor, "batch head time dim"]:
        """`turns` are those of the positions 0, 1, 2, ... unless given.

        Raises ValueError when `dim` is odd.
        """
        positions = torch.arange(x.size(2), device=x.device)[None]
        cos, sin = turns or self.turns(positions, x.size(3))
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat(
            [first * cos - second * sin, second * cos + first * sin], dim=-1
        )

    def turns(
        self, positions: Int[Tensor, "batch time"], dim: int
    ) -> tuple[Float[Tensor, "batch 1 time pair"], Float[Tensor, "batch 1 time pair"]]:
        """Cosines and sines of the angles: the same for all heads and layers."""
        angles = _angles(positions, dim, self.base)[:, None]
        return angles.cos(), angles.sin()


def _angles(
    positions: Int[Tensor, "*batch time"], width: int, base: float
) -> Float[Tensor, "*batch time pair"]:
    """The angle, in radians, of each position in each of width/2 pairs of columns."""
    if width % 2:
        raise ValueError(
            f"positions turn pairs of numbers: width must be even, got {width}"
        )
    speeds = base ** -(
        torch.arange(0, width, 2, device=positions.device) / width
    )  # width/2
    return positions[..., None] * speeds
