"""How varied a text is, how much it repeats itself, and how likely a model finds it."""

import re
from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lib.model.gpt import GPT


def words(text: str) -> list[str]:
    """The runs of letters and apostrophes, in lower case."""
    return re.findall("[a-z']+", text.lower())


def distinct(items: Sequence, n: int) -> float:
    """How many different runs of `n` items there are, as a share of all: at most 1.

    Items are words, characters or token ids. Raises ValueError when there is no run.

    Source: Li et al. 2016, "A Diversity-Promoting Objective Function for Neural
    Conversation Models", section 5.2.
    """
    if not 1 <= n <= len(items):
        raise ValueError(f"n must lie in 1..{len(items)}, the items; got {n}")
    runs = [tuple(items[i : i + n]) for i in range(len(items) - n + 1)]
    return len(set(runs)) / len(runs)


def loop(items: Sequence) -> int:
    """How many items long the stretch is that the end repeats; 0 if it repeats none.

    It counts as repeated when it stands there three times in a row.
    """
    for length in range(1, len(items) // 3 + 1):
        last, before = items[-2 * length :], items[-3 * length : -length]
        if list(last) == list(before):
            return length
    return 0


def known_share(found: Sequence[str], known: Collection[str]) -> float:
    """Which share of the words found is among those known.

    Raises ValueError when no word was found.
    """
    if not found:
        raise ValueError("a share needs at least one word, got none")
    return sum(word in known for word in found) / len(found)


@torch.no_grad()
def surprises(model: GPT, ids: Int[Tensor, " text"]) -> Float[Tensor, " _"]:
    """The loss at each token after the first, in nats.

    The model reads as it does when it generates: a token is predicted from those that
    lie within the context of the one before it. Dropout is left as it is.
    Raises ValueError when there are fewer than two tokens.
    """
    if len(ids) < 2:
        raise ValueError(f"a text needs at least 2 tokens, got {len(ids)}")
    logits = model(ids[None, :-1], model.new_cache())[0]
    return F.cross_entropy(logits, ids[1:], reduction="none")
