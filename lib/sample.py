"""Writing, the plain way: draw the next token, add it to the text, again."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Predict = Callable[[Int[Tensor, "1 time"]], Float[Tensor, "1 time vocab"]]


@torch.no_grad()
def write(
    predict: Predict,
    ids: Int[Tensor, " text"],
    many: int,
    context: int,
    seed: int = 0,
) -> Int[Tensor, " _"]:
    """`ids` and `many` tokens more, each drawn with the probability predicted for it.

    `predict` gives scores (logits) for the token after each position: a model, or a
    table of logarithms. It is shown the last `context` tokens. Draws are made on the
    CPU, so that a seed means the same everywhere.
    Raises ValueError when there is no token to begin with.
    """
    if not len(ids):
        raise ValueError("write needs at least one token to begin with, got none")
    generator = torch.Generator().manual_seed(seed)
    for _ in range(many):
        logits = predict(ids[None, -context:])[0, -1]  # vocab
        drawn = torch.multinomial(logits.softmax(-1).cpu(), 1, generator=generator)
        ids = torch.cat([ids, drawn.to(ids)])
    return ids
