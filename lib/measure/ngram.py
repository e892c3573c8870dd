"""What counting alone can predict: the baselines that a model has to beat."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.ids import as_ids


def unigram(ids: Int[Tensor, " text"], vocab: int) -> Float[Tensor, " vocab"]:
    """How often each token occurs: probabilities, with one added to each count.

    Raises ValueError when an id is outside the vocabulary.
    Source: Jurafsky & Martin, "Speech and Language Processing", 3rd ed., section 3.6.
    """
    ids = as_ids(ids, "ids", vocab)
    counts = torch.bincount(ids, minlength=vocab) + 1.0
    return counts / counts.sum()


def bigram(ids: Int[Tensor, " text"], vocab: int) -> Float[Tensor, "vocab vocab"]:
    """How often each token (column) follows each one (row), one added to each count.

    Raises ValueError when an id is outside the vocabulary.
    """
    ids = as_ids(ids, "ids", vocab)
    pairs = ids[:-1] * vocab + ids[1:]
    counts = torch.bincount(pairs, minlength=vocab * vocab).view(vocab, vocab) + 1.0
    return counts / counts.sum(dim=1, keepdim=True)


def unigram_loss(
    probabilities: Float[Tensor, " vocab"], ids: Int[Tensor, " text"]
) -> float:
    """Mean surprise, in nats a token, when frequency alone predicts every token.

    Raises ValueError when there is no token, or an id is outside the vocabulary.
    """
    ids = _long_enough(as_ids(ids, "ids", len(probabilities)), "ids", 1)
    return -probabilities.log()[ids].mean().item()


def bigram_loss(
    probabilities: Float[Tensor, "vocab vocab"], ids: Int[Tensor, " text"]
) -> float:
    """Mean surprise, in nats a token, when the token before predicts each token.

    Raises ValueError when there are not two tokens, or an id is outside the vocabulary.
    """
    ids = _long_enough(as_ids(ids, "ids", len(probabilities)), "ids", 2)
    return -probabilities.log()[ids[:-1], ids[1:]].mean().item()


def ngram_loss(
    ids: Int[Tensor, " text"],
    held_out: Int[Tensor, " other"],
    vocab: int,
    order: int,
) -> float:
    """Mean surprise on `held_out`, in nats, when order - 1 tokens predict the next one.

    Counts come from `ids`, one added to each. They are looked up and not laid out as a
    table, which would have vocab**order entries.
    Raises ValueError when `order` is below 2, a text is shorter than that, or an id is
    outside the vocabulary.
    """
    if type(order) is not int or order < 2:
        raise ValueError(f"order must be at least 2, got {order!r}")
    ids = _long_enough(as_ids(ids, "ids", vocab), "ids", order)
    held_out = as_ids(held_out, "held_out", vocab)
    held_out = _long_enough(held_out, "held_out", order)
    whole = _occurrences(ids, held_out, vocab, order) + 1
    before = _occurrences(ids[:-1], held_out[:-1], vocab, order - 1) + vocab
    return -(whole / before).log().mean().item()


def _long_enough(ids: Int[Tensor, " text"], name: str, least: int) -> Tensor:
    if len(ids) < least:
        raise ValueError(f"{name} must be of length {least} or more, got {len(ids)}")
    return ids


def _occurrences(
    ids: Int[Tensor, " text"], held_out: Int[Tensor, " other"], vocab: int, order: int
) -> Int[Tensor, " window"]:
    """How often each `order` tokens in a row of `held_out` occur in `ids`."""
    windows = torch.cat([ids.unfold(0, order, 1), held_out.unfold(0, order, 1)])
    numbers = _number(windows, vocab)
    known = numbers[: len(ids) - order + 1]
    wanted = numbers[len(known) :]
    kinds, counts = known.unique(return_counts=True)
    place = torch.searchsorted(kinds, wanted).clamp(max=len(kinds) - 1)
    return torch.where(kinds[place] == wanted, counts[place], 0)


def _number(windows: Int[Tensor, "window _"], vocab: int) -> Int[Tensor, " window"]:
    """A number for each window; equal windows, and no others, have equal numbers.

    The tokens are digits in base `vocab`. Where 63 bits would not hold the next digit,
    the numbers so far are replaced by their ranks.
    """
    numbers = windows[:, 0]
    bound = vocab
    for digit in windows[:, 1:].unbind(dim=1):
        if bound * vocab > 2**63:
            kinds, numbers = numbers.unique(return_inverse=True)
            bound = len(kinds)
        numbers = numbers * vocab + digit
        bound *= vocab
    return numbers


class NGram:
    """Predicts by looking up what followed the last tokens wherever they came before.

    The next token is as likely as it was, in the text, after the last `order` - 1
    tokens. Where the text does not have these, one fewer is looked up, and so on down
    to none.

    Source: Brants et al. 2007, "Large Language Models in Machine Translation", section
    4 (backing off without reweighting).
    """

    def __init__(self, ids: Int[Tensor, " text"], vocab: int, order: int):
        """Raises ValueError unless 1 <= order <= the length of the text.

        Every run of tokens has a number, its rank among the runs of its length. A run
        that is one longer gets a code, rank * vocab + its last token.
        """
        ids = as_ids(ids, "ids", vocab).cpu()
        if type(order) is not int or not 1 <= order <= len(ids):
            raise ValueError(f"order must lie in 1..{len(ids)}, got {order!r}")
        self.vocab = vocab
        self.order = order
        self.codes = []  # for each length the codes in the text, sorted
        self.kinds = []  # the same, each once
        ranks = torch.zeros_like(ids)  # of the empty run before each token
        for length in range(1, order + 1):
            codes = ranks[: len(ids) - length + 1] * vocab + ids[length - 1 :]
            kinds, ranks = codes.unique(return_inverse=True)
            self.codes.append(codes.sort().values)
            self.kinds.append(kinds)

    def __call__(
        self, ids: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch 1 vocab"]:
        """Logarithms of the probabilities of the token after each text.

        Raises ValueError when there is no text, or an id is outside the vocabulary.
        """
        rows = as_ids(ids, "ids", self.vocab, axes=2).cpu()
        if not len(rows):
            raise ValueError("ids must have at least one text, got none")
        counts = torch.stack([self._followers(row) for row in rows])
        return (counts / counts.sum(-1, keepdim=True)).log()[:, None].to(ids.device)

    def _followers(self, text: Int[Tensor, " text"]) -> Float[Tensor, " vocab"]:
        """How often each token followed the longest ending that the text had."""
        for length in range(min(self.order - 1, len(text)), 0, -1):
            rank = self._rank(text[-length:].tolist())
            if rank is not None:
                counts = self._count(length, rank)
                if counts.any():
                    return counts
        return self._count(0, 0)

    def _rank(self, run: list[int]) -> int | None:
        """The number of a run of tokens, None if the text does not have it."""
        rank = 0
        for kinds, token in zip(self.kinds, run, strict=False):
            code = rank * self.vocab + token
            rank = int(torch.searchsorted(kinds, code))
            if rank == len(kinds) or kinds[rank] != code:
                return None
        return rank

    def _count(self, length: int, rank: int) -> Float[Tensor, " vocab"]:
        """How often each token followed the run of this length and rank."""
        first = rank * self.vocab
        bounds = torch.arange(first, first + self.vocab + 1)
        return torch.searchsorted(self.codes[length], bounds).diff().float()
