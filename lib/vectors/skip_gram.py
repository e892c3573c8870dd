"""Word vectors: words met in the same company end up with vectors that are alike.

Sources: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and
their Compositionality", sections 2.2 (negative samples) and 2.3 (frequent words); Levy
& Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", for the loss
that frequency alone reaches.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.data.ids import as_ids
from lib.vectors.neighbors import check_above_zero, check_table

Pairs = tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]
Samples = tuple[Int[Tensor, " batch"], Int[Tensor, "batch sample"]]


class SkipGram(nn.Module):
    """Two vectors a word: one for the word itself, one for the word as a neighbor."""

    def __init__(self, vocab: int, width: int):
        """Raises ValueError unless both are above 0."""
        super().__init__()
        check_above_zero("vocab", vocab)
        check_above_zero("width", width)
        self.word = nn.Embedding(vocab, width)
        self.neighbor = nn.Embedding(vocab, width)
        nn.init.normal_(self.word.weight, std=0.1)
        nn.init.zeros_(self.neighbor.weight)  # every pair starts at a score of 0

    def forward(
        self, words: Int[Tensor, " batch"], others: Int[Tensor, "batch sample"]
    ) -> Float[Tensor, "batch sample"]:
        """A score for each pair of a word and another: above 0 it says "neighbors"."""
        x = self.word(words)
        y = self.neighbor(others)
        return (x[:, None] * y).sum(dim=-1)  # dot products


def negative_sampling_loss(
    scores: Float[Tensor, "batch sample"],
) -> Float[Tensor, ""]:
    """Surprise, in nats a word, at which is the neighbor (column 0) and which are not.

    Raises ValueError unless the scores are those of a batch, a row each.
    Source: Mikolov et al. 2013, equation 4, with its sign turned.
    """
    check_table("scores", scores)
    neighbor = scores[:, 0]
    negatives = scores[:, 1:]
    return -(F.logsigmoid(neighbor) + F.logsigmoid(-negatives).sum(dim=1)).mean()


def negative_sampling(model: nn.Module, batch: Samples) -> Float[Tensor, ""]:
    """The loss of a model on one batch: the objective for `lib.train.train`."""
    return negative_sampling_loss(model(*batch))


def negative_sampling_of_texts(
    model: SkipGram,
    batch: tuple[Int[Tensor, "batch time"], Int[Tensor, " sample"]],
    window: int,
    negatives: int,
) -> Float[Tensor, ""]:
    """The same loss over all pairs of whole texts, by two matrix products: faster.

    The first of `batch` are texts, filled up with -1, the second some negative samples
    that all words share, in place of `negatives` drawn for each pair. Every two words
    of a text that stand at most `window` apart are a pair, and count as often as
    `skip_grams` would draw them: neighbors in full, the farthest 1 / window of that.
    Raises ValueError when `window` is below 1, or no text has two words.
    """
    check_above_zero("window", window)
    texts, others = batch
    if texts.size(1) < 2:
        raise ValueError(f"batch must have texts of 2 words or more, got {texts.shape}")
    real = texts >= 0
    places = torch.arange(texts.size(1), device=texts.device)
    apart = (places[:, None] - places).abs()
    often = (window + 1 - apart).clamp(min=0) * (apart > 0) / window  # time time
    weights = often * (real[:, :, None] & real[:, None])  # of pairs: batch time time
    x = model.word(texts.clamp(min=0))
    y = model.neighbor(texts.clamp(min=0))
    near = (F.logsigmoid(x @ y.mT) * weights).sum()
    far = F.logsigmoid(-(x @ model.neighbor(others).T)).mean(dim=2)  # batch time
    by_word = weights.sum(dim=2)  # of all pairs in which it comes first
    return -(near + negatives * (far * by_word).sum()) / by_word.sum()


def thin(
    ids: Int[Tensor, " text"],
    counts: Float[Tensor, " vocab"],
    threshold: float = 1e-3,
    seed: int = 0,
) -> Int[Tensor, " _"]:
    """Drop words, the more often the more frequent they are; the rest move together.

    A word whose share of the text is f stays with probability sqrt(threshold / f), or
    always when f is below the threshold.
    Raises ValueError when an id has no count, or `threshold` is not above 0.
    Source: Mikolov et al. 2013, equation 5.
    """
    ids = as_ids(ids, "ids", len(counts))
    _check_counts(counts)
    if not threshold > 0:
        raise ValueError(f"threshold must be above 0, got {threshold}")
    generator = torch.Generator().manual_seed(seed)
    stays = (threshold / (counts / counts.sum())).sqrt()
    drawn = torch.rand(len(ids), generator=generator).to(ids.device)
    return ids[drawn < stays[ids]]


def skip_grams(
    ids: Int[Tensor, " text"], batch: int, window: int, seed: int = 0
) -> Iterator[Pairs]:
    """Endless batches of random words of a text, each with one of its neighbors.

    The neighbor stands 1 to `window` words before or after, nearer ones more often: the
    next word `window` times as often as the farthest, in a straight line between.
    Raises ValueError when the text is too short for one word with a full window.
    Source: the `window` of word2vec, which shrinks at random for each word.
    """
    ids = as_ids(ids)
    check_above_zero("batch", batch)
    check_above_zero("window", window)
    if len(ids) <= 2 * window:
        raise ValueError(
            f"a window of {window} needs {2 * window + 1} words, got {len(ids)}"
        )
    return _skip_grams(ids, batch, window, seed)


def _skip_grams(
    ids: Int[Tensor, " text"], batch: int, window: int, seed: int
) -> Iterator[Pairs]:
    generator = torch.Generator().manual_seed(seed)
    distances = torch.tensor([d for d in range(-window, window + 1) if d])
    often = window + 1.0 - distances.abs()
    while True:
        places = torch.randint(window, len(ids) - window, (batch,), generator=generator)
        drawn = often.multinomial(batch, replacement=True, generator=generator)
        yield ids[places], ids[places + distances[drawn]]


def negative_chances(counts: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """How likely each word is as a negative sample: its count to the power 0.75.

    Raises ValueError unless the counts are 0 or above, and one of them above 0.
    """
    _check_counts(counts)
    powers = counts.to(torch.promote_types(counts.dtype, torch.float32)) ** 0.75
    return powers / powers.sum()


def sample_negatives(
    pairs: Iterator[Pairs],
    chances: Float[Tensor, " vocab"],
    negatives: int,
    seed: int = 0,
) -> Iterator[Samples]:
    """Beside each neighbor (column 0), set words drawn at random by `chances`.

    Raises ValueError when `negatives` is below 1, or no word has a chance.
    """
    _check_counts(chances)
    check_above_zero("negatives", negatives)
    return _sample_negatives(pairs, chances, negatives, seed)


def _sample_negatives(
    pairs: Iterator[Pairs], chances: Float[Tensor, " vocab"], negatives: int, seed: int
) -> Iterator[Samples]:
    generator = torch.Generator().manual_seed(seed)
    ladder = chances.double().cumsum(0)
    last = len(chances) - 1
    for words, neighbors in pairs:
        drawn = torch.rand(len(words), negatives, generator=generator).double()
        random = torch.searchsorted(ladder, drawn * ladder[-1]).clamp(max=last)
        yield words, torch.cat([neighbors[:, None], random], dim=1)


def frequency_scores(
    neighbors: Float[Tensor, " vocab"],
    chances: Float[Tensor, " vocab"],
    negatives: int,
) -> Float[Tensor, " vocab"]:
    """The best score for each word, in a pair whose first word is not known.

    `neighbors` says how often each word occurs as a neighbor. The score is the
    logarithm of how much more often it is the neighbor than one of the negatives.
    Raises ValueError when a word has no chance, or none is ever a neighbor.
    Source: Levy & Goldberg 2014, section 3.1, with one word for all first words.
    """
    _check_counts(neighbors)
    if not (chances > 0).all():
        raise ValueError(f"chances must be above 0, the least is {chances.min()}")
    return (neighbors / neighbors.sum() / (negatives * chances)).log()


def _check_counts(counts: Float[Tensor, " vocab"]) -> None:
    if not (counts >= 0).all() or not (counts > 0).any():
        raise ValueError("counts must be 0 or above, and one of them above 0")
