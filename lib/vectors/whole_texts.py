"""Thinned texts: whole texts without most of their frequent words, in batches.

Frequent words are in every window and say little. Without most of them, the words that
say something move together, and an epoch is a quarter of the work. Word vectors learn
from such batches by `lib.vectors.skip_gram.negative_sampling_of_texts`.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lib.data.ids import as_ids
from lib.tokens.word_tokenizer import SPECIAL
from lib.vectors.neighbors import check_above_zero
from lib.vectors.skip_gram import negative_chances

Thinned = tuple[Int[Tensor, "batch time"], Int[Tensor, " sample"]]


def word_shares(texts: Sequence[Sequence[int]], vocab: int) -> Float[Tensor, " vocab"]:
    """The share of each id among the words of all texts.

    Raises ValueError when there is no word, or one beyond the vocabulary.
    """
    rows = _as_rows(texts, vocab)
    if not rows:
        raise ValueError("texts must have words, got none")
    counts = torch.bincount(torch.cat(rows), minlength=vocab).float()
    return counts / counts.sum()


def _as_rows(texts: Sequence, vocab: int) -> list[Int[Tensor, " _"]]:
    """The texts that have words, as tensors; their ids are checked in one go."""
    rows = [torch.as_tensor(text) for text in texts if len(text)]
    if not rows:
        return []
    flat = as_ids(torch.cat(rows), "texts", vocab)
    return list(flat.split([len(row) for row in rows]))


def thinned_texts(
    texts: Sequence[Sequence[int]],
    shares: Float[Tensor, " vocab"],
    batch: int,
    *,
    part: int = 96,
    threshold: float = 1e-4,
    shared: int = 256,
    seed: int = 0,
) -> Iterator[Thinned]:
    """Endless batches of thinned texts, filled up with -1, and `shared` negatives each.

    A word with the share f of all words stays with probability sqrt(threshold / f), a
    special token never. What is left of a text is cut into parts of `part` words. Each
    text comes once in a round.
    Raises ValueError when no text has two ordinary words, an id has no share, or a size
    cannot be; from the iterator, when a hundred rounds leave no two words together.
    Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and
    their Compositionality", equation 5.
    """
    for name, size in (("batch", batch), ("part", part), ("shared", shared)):
        check_above_zero(name, size)
    if not threshold > 0:
        raise ValueError(f"threshold must be above 0, got {threshold}")
    rows = _as_rows(texts, len(shares))
    if not any((row >= len(SPECIAL)).sum() > 1 for row in rows):
        raise ValueError("texts must have one of 2 words or more that are not special")
    stays = (threshold / shares.clamp(min=1e-12)).sqrt()
    stays[: len(SPECIAL)] = 0.0
    rarer = negative_chances(ordinary(shares))
    return _thinned_texts(rows, stays, rarer, batch, part, shared, seed)


def _thinned_texts(
    rows: list[Int[Tensor, " _"]],
    stays: Float[Tensor, " vocab"],
    rarer: Float[Tensor, " vocab"],
    batch: int,
    part: int,
    shared: int,
    seed: int,
) -> Iterator[Thinned]:
    generator = torch.Generator().manual_seed(seed)
    empty_rounds = 0
    while empty_rounds < 100:
        empty_rounds += 1
        for chosen in torch.randperm(len(rows), generator=generator).split(batch):
            some = [rows[number] for number in chosen.tolist()]
            kept = [r[torch.rand(len(r), generator=generator) < stays[r]] for r in some]
            parts = [each for row in kept for each in row.split(part)]
            negatives = rarer.multinomial(shared, True, generator=generator)
            padded = pad_sequence(parts, True, padding_value=-1)
            if padded.size(1) > 1:
                empty_rounds = 0
                yield padded, negatives
    raise ValueError("threshold is so low that no two words of a text are ever left")


def ordinary(shares: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """The shares of the words among the words alone; special tokens have none."""
    kept = shares.clone()
    kept[: len(SPECIAL)] = 0.0
    return kept / kept.sum()
