"""How varied a text is, how much it repeats itself, and how likely a model finds it."""

from collections.abc import Collection, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.data.ids import as_ids
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.modes import evaluating, unwrap


def distinct(items: Sequence, n: int) -> float:
    """How many different runs of `n` items there are, as a share of all: at most 1.

    Items are words, characters or token ids. Raises ValueError when there is no run.

    Source: Li et al. 2016, "A Diversity-Promoting Objective Function for Neural
    Conversation Models", section 5.2.
    """
    if type(n) is not int or not 1 <= n <= len(items):
        raise ValueError(f"n must lie in 1..{len(items)}, the items; got {n!r}")
    items = _plain(items)
    runs = [tuple(items[i : i + n]) for i in range(len(items) - n + 1)]
    return len(set(runs)) / len(runs)


def cycle_length(items: Sequence) -> int:
    """How long the stretch is that a text repeats at its end; 0 if it repeats none.

    It counts as repeated when it stands there three times in a row.
    """
    items = _plain(items)
    for length in range(1, len(items) // 3 + 1):
        if items[-2 * length :] == items[-3 * length : -length]:
            return length
    return 0


def known_share(found: Sequence[str], known: Collection[str]) -> float:
    """Which share of the words found is among those known.

    Raises ValueError when no word was found, or a string is given in place of a list.
    """
    if isinstance(found, str) or not len(found):
        raise ValueError(f"found must be a list of at least one word, got {found!r}")
    return sum(word in known for word in found) / len(found)


@torch.no_grad()
def surprises(model: nn.Module, ids: Int[Tensor, " text"]) -> Float[Tensor, " _"]:
    """The loss at each token after the first, in nats, with dropout off.

    The model is a GPT, compiled or not. It reads as it does when it generates: a token
    is predicted from those that lie within the context of the one before it.
    Raises ValueError when there are fewer than two tokens, an id is outside the
    vocabulary, or the model is no GPT.
    """
    model = unwrap(model)
    if not isinstance(model, GPT) or isinstance(model, Encoder):
        raise ValueError(f"model must be a GPT, got {type(model).__name__}")
    ids = as_ids(ids, "ids", model.config.vocab)
    if len(ids) < 2:
        raise ValueError(f"a text needs at least 2 tokens, got {len(ids)}")
    with evaluating(model):
        logits = model(ids[None, :-1], model.new_cache())[0]
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits, ids[1:], reduction="none")


def _plain(items: Any) -> list:
    """A list: items of a tensor would be different objects, however equal."""
    return items.tolist() if hasattr(items, "tolist") else list(items)
