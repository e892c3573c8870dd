"""How varied a text is, how much it repeats itself, and how likely a model finds it."""

import re
from collections.abc import Collection, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from lib.cache import KeyValueCache
from lib.gpt import GPT
from lib.train import next_token_loss


def words(text: str) -> list[str]:
    """The runs of letters and apostrophes, in lower case."""
    return re.findall("[a-z']+", text.lower())


def distinct(items: Sequence, n: int) -> float:
    """Of all runs of `n` items, the share that differs: 1 when none comes twice.

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
def surprise(model: GPT, ids: Int[Tensor, " text"], begin: int = 1) -> float:
    """Mean loss of a text from token `begin` on, in nats a token.

    The model reads as it does when it generates: a token is predicted from those that
    lie within the context of the one before it. Dropout is left as it is.
    Raises ValueError unless 1 <= begin < the length of the text.
    """
    if not 1 <= begin < len(ids):
        raise ValueError(f"begin must lie in 1..{len(ids) - 1}, got {begin}")
    cache = KeyValueCache(model.config, [0], like=model.unembed.weight)
    logits = model(ids[None, :-1], cache)
    return next_token_loss(logits[:, begin - 1 :], ids[None, begin:]).item()
