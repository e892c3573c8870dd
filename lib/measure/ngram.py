"""What counting alone can predict: the baselines that a model has to beat."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.ids import as_ids
from lib.measure.smoothing import SMOOTHINGS


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
    tokens. With the `smoothing` "backing off", where the text does not have these, one
    fewer is looked up, and so on down to none. With "Kneser-Ney" or "Witten-Bell" all
    lengths are mixed, and no token is impossible (see `lib.measure.smoothing`).
    """

    def __init__(
        self,
        ids: Int[Tensor, " text"],
        vocab: int,
        order: int,
        smoothing: str = "backing off",
    ):
        """Raises ValueError unless 1 <= order <= the length of the text.

        Every run of tokens has a number, its rank among the runs of its length. A run
        that is one longer gets a code, rank * vocab + its last token. Raises ValueError
        for an unknown smoothing, too.
        """
        ids = as_ids(ids, "ids", vocab).cpu()
        if type(order) is not int or not 1 <= order <= len(ids):
            raise ValueError(f"order must lie in 1..{len(ids)}, got {order!r}")
        if smoothing not in SMOOTHINGS:
            raise ValueError(
                f"smoothing must be one of {[*SMOOTHINGS]}, got {smoothing!r}"
            )
        self.vocab = vocab
        self.order = order
        self.smoothing = smoothing
        self.kinds = []  # for each length the codes in the text, each once, sorted
        counted = []  # and how often each came
        ranks = torch.zeros_like(ids)  # of the empty run before each token
        for length in range(1, order + 1):
            codes = ranks[: len(ids) - length + 1] * vocab + ids[length - 1 :]
            kinds, longer, counts = codes.unique(
                return_inverse=True, return_counts=True
            )
            if smoothing == "Kneser-Ney" and length > 1:
                counted[-1] = _different_before(longer, ranks, len(self.kinds[-1]))
            self.kinds.append(kinds)
            counted.append(counts)
            ranks = longer
        self.believed = [
            SMOOTHINGS[smoothing](counts, kinds // vocab, pasts)
            for counts, kinds, pasts in zip(
                counted, self.kinds, [1, *map(len, self.kinds)], strict=False
            )
        ]

    def __call__(
        self, ids: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch 1 vocab"]:
        """Logarithms of the probabilities of the token after each text.

        Raises ValueError when there is no text, or an id is outside the vocabulary.
        """
        rows = as_ids(ids, "ids", self.vocab, axes=2).cpu()
        if not len(rows):
            raise ValueError("ids must have at least one text, got none")
        shares = torch.stack([self._next(row) for row in rows])
        return shares.log()[:, None].to(ids.device)

    def surprises(self, ids: Int[Tensor, " text"]) -> Float[Tensor, " text"]:
        """The loss at each token, in nats; the first is predicted from nothing.

        Raises ValueError when an id is outside the vocabulary.
        """
        ids = as_ids(ids, "ids", self.vocab).cpu()
        shares = torch.full((len(ids),), 1 / self.vocab, dtype=torch.float64)
        past = torch.zeros_like(ids)  # ranks of the runs that end before each token
        for length in range(min(self.order, len(ids))):
            place = self._places(length, past, ids[length:])
            own, left = self.believed[length]
            known = past >= 0
            shares[length:] *= torch.where(known, left[past], 1.0)
            shares[length:] += torch.where(place >= 0, own[place], 0.0)
            past = place[:-1]
        return -shares.log()

    def _next(self, text: Int[Tensor, " text"]) -> Float[Tensor, " vocab"]:
        """How likely each token is after a text, the shortest past first."""
        shares = torch.full((self.vocab,), 1 / self.vocab)
        for length in range(min(self.order - 1, len(text)) + 1):
            rank = self._rank(text[len(text) - length :].tolist())
            if rank is None:
                break
            own, left = self.believed[length]
            bounds = torch.tensor([rank, rank + 1]) * self.vocab
            first, end = torch.searchsorted(self.kinds[length], bounds).tolist()
            shares = shares * left[rank]
            shares[self.kinds[length][first:end] % self.vocab] += own[first:end]
        return shares

    def _rank(self, run: list[int]) -> int | None:
        """The number of a run of tokens, None if the text does not have it."""
        rank = torch.tensor([0])
        for length, token in enumerate(run):
            rank = self._places(length, rank, torch.tensor([token]))
        return int(rank) if rank >= 0 else None

    def _places(
        self, length: int, past: Int[Tensor, " run"], tokens: Int[Tensor, " run"]
    ) -> Int[Tensor, " run"]:
        """The ranks of runs, each a past of this length and a token; -1 if unknown."""
        kinds = self.kinds[length]
        codes = past * self.vocab + tokens
        place = torch.searchsorted(kinds, codes).clamp(max=len(kinds) - 1)
        return torch.where((past >= 0) & (kinds[place] == codes), place, -1)


def _different_before(
    longer: Int[Tensor, " _"], ranks: Int[Tensor, " text"], runs: int
) -> Int[Tensor, " run"]:
    """After how many different tokens each run came.

    `ranks` are those of the runs at each place of a text, `longer` those of the runs
    with one more token.
    """
    without_first = torch.zeros(int(longer.max()) + 1, dtype=torch.long)
    without_first[longer] = ranks[1:]
    return torch.bincount(without_first, minlength=runs)
