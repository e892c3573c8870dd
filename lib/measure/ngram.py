"""What counting alone can predict: the baselines that a model has to beat."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def unigram(ids: Int[Tensor, " text"], vocab: int) -> Float[Tensor, " vocab"]:
    """How often each token occurs: probabilities, with one added to each count.

    Source: Jurafsky & Martin, "Speech and Language Processing", 3rd ed., section 3.6.
    """
    counts = torch.bincount(ids, minlength=vocab) + 1.0
    return counts / counts.sum()


def bigram(ids: Int[Tensor, " text"], vocab: int) -> Float[Tensor, "vocab vocab"]:
    """How often each token (column) follows each one (row), one added to each count."""
    pairs = ids[:-1] * vocab + ids[1:]
    counts = torch.bincount(pairs, minlength=vocab * vocab).view(vocab, vocab) + 1.0
    return counts / counts.sum(dim=1, keepdim=True)


def unigram_loss(
    probabilities: Float[Tensor, " vocab"], ids: Int[Tensor, " text"]
) -> float:
    """Mean surprise, in nats a token, when frequency alone predicts every token."""
    return -probabilities.log()[ids].mean().item()


def bigram_loss(
    probabilities: Float[Tensor, "vocab vocab"], ids: Int[Tensor, " text"]
) -> float:
    """Mean surprise, in nats a token, when the token before predicts each token."""
    return -probabilities.log()[ids[:-1], ids[1:]].mean().item()


def ngram_loss(
    ids: Int[Tensor, " text"],
    held_out: Int[Tensor, " other"],
    vocab: int,
    order: int,
) -> float:
    """Mean surprise on `held_out`, in nats, when order - 1 tokens predict the next one.

    Counts come from `ids`, one added to each, and are looked up and not laid out as a
    table: vocab**order entries would be too many. Raises ValueError when order < 2.
    """
    if order < 2:
        raise ValueError(f"order must be at least 2, got {order}")
    wanted = _codes(held_out, vocab, order)
    whole = _occurrences(_codes(ids, vocab, order), wanted) + 1
    before = _occurrences(_codes(ids[:-1], vocab, order - 1), wanted // vocab) + vocab
    return -(whole / before).log().mean().item()


def _codes(ids: Int[Tensor, " text"], vocab: int, order: int) -> Int[Tensor, " window"]:
    """One number for each `order` tokens in a row: their digits in base `vocab`."""
    places = vocab ** torch.arange(order - 1, -1, -1, device=ids.device)
    return (ids.unfold(0, order, 1) * places).sum(dim=1)


def _occurrences(
    codes: Int[Tensor, " window"], wanted: Int[Tensor, " other"]
) -> Int[Tensor, " other"]:
    """How often each of `wanted` occurs among `codes`."""
    kinds, counts = codes.unique(return_counts=True)
    place = torch.searchsorted(kinds, wanted).clamp(max=len(kinds) - 1)
    return torch.where(kinds[place] == wanted, counts[place], 0)


class NGram:
    """Predicts by looking up what followed the last tokens wherever they stood before.

    The next token is as likely as it was, in the text, after the last `order` - 1
    tokens. Where these never stood there, one fewer is looked up, and so on down to
    none.

    Source: Brants et al. 2007, "Large Language Models in Machine Translation", section
    4 (backing off without reweighting).
    """

    def __init__(self, ids: Int[Tensor, " text"], vocab: int, order: int):
        """Raises ValueError unless 1 <= order <= the length of the text."""
        if not 1 <= order <= len(ids):
            raise ValueError(f"order must lie in 1..{len(ids)}, got {order}")
        self.vocab, self.order = vocab, order
        self.tables = [_codes(ids, vocab, n).sort().values for n in range(1, order + 1)]

    def __call__(
        self, ids: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch 1 vocab"]:
        """Logarithms of the probabilities of the token after each text."""
        counts = torch.stack([self._followers(row) for row in ids.cpu()])
        return (counts / counts.sum(-1, keepdim=True)).log()[:, None].to(ids.device)

    def _followers(self, text: Int[Tensor, " text"]) -> Float[Tensor, " vocab"]:
        """How often each token followed the longest ending that was seen before."""
        for n in range(min(self.order - 1, len(text)), 0, -1):
            first = int(_codes(text[-n:], self.vocab, n)) * self.vocab
            counts = self._count(self.tables[n], first)
            if counts.any():
                return counts
        return self._count(self.tables[0], 0)

    def _count(self, codes: Tensor, first: int) -> Float[Tensor, " vocab"]:
        """Of a sorted list, how many are `first`, first + 1, ... first + vocab - 1."""
        bounds = torch.arange(first, first + self.vocab + 1)
        return torch.searchsorted(codes, bounds).diff().float()
