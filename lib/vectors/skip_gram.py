"""Word vectors: words met in the same company end up with vectors that are alike.

Sources: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and
their Compositionality", sections 2.2 (negative samples) and 2.3 (frequent words); Levy
& Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", for the loss
that frequency alone reaches.
"""

import re
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

Pairs = tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]
Samples = tuple[Int[Tensor, " batch"], Int[Tensor, "batch sample"]]


def spoken_words(text: str) -> list[str]:
    """The words of a play in small letters; the lines that name a speaker are left out.

    A word is made of the letters a to z, with apostrophes inside.
    """
    speech = re.sub(r"^[^a-z\n]+:$", "", text, flags=re.MULTILINE)
    return re.findall(r"[a-z]+(?:'[a-z]+)*", speech.lower())


class SkipGram(nn.Module):
    """Two vectors a word: one for the word itself, one for the word as a neighbor."""

    def __init__(self, vocab: int, width: int):
        super().__init__()
        self.word = nn.Embedding(vocab, width)
        self.neighbor = nn.Embedding(vocab, width)
        nn.init.normal_(self.word.weight, std=0.1)
        nn.init.zeros_(self.neighbor.weight)  # every pair starts at a score of 0

    def forward(
        self, words: Int[Tensor, " batch"], others: Int[Tensor, "batch sample"]
    ) -> Float[Tensor, "batch sample"]:
        """A score for each pair of a word and another: above 0 it says "neighbors"."""
        x, y = self.word(words), self.neighbor(others)
        return (x[:, None] * y).sum(dim=-1)  # dot products


def negative_sampling_loss(
    scores: Float[Tensor, "batch sample"],
) -> Float[Tensor, ""]:
    """Surprise, in nats a word, at which is the neighbor (column 0) and which are not.

    Source: Mikolov et al. 2013, equation 4, with its sign turned.
    """
    neighbor, strangers = scores[:, 0], scores[:, 1:]
    return -(F.logsigmoid(neighbor) + F.logsigmoid(-strangers).sum(dim=1)).mean()


def negative_sampling(model: nn.Module, batch: Samples) -> Float[Tensor, ""]:
    """The loss of a model on one batch: the objective for `lib.train.train`."""
    return negative_sampling_loss(model(*batch))


def negative_sampling_of_texts(
    model: SkipGram,
    batch: tuple[Int[Tensor, "batch time"], Int[Tensor, " sample"]],
    window: int,
    strangers: int,
) -> Float[Tensor, ""]:
    """The same loss over all pairs of whole texts, by two matrix products: faster.

    The first of `batch` are texts, filled up with -1, the second some strangers that
    all words share, in place of `strangers` drawn for each pair. Every two words of a
    text that stand at most `window` apart are a pair, and count as often as
    `skip_grams` would draw them: neighbors in full, the farthest 1 / window of that.
    """
    texts, others = batch
    real = texts >= 0
    places = torch.arange(texts.size(1), device=texts.device)
    apart = (places[:, None] - places).abs()
    often = (window + 1 - apart).clamp(min=0) * (apart > 0) / window  # time time
    pairs = often * (real[:, :, None] & real[:, None])
    x, y = model.word(texts.clamp(min=0)), model.neighbor(texts.clamp(min=0))
    near = (F.logsigmoid(x @ y.mT) * pairs).sum()
    far = F.logsigmoid(-(x @ model.neighbor(others).T)).mean(dim=2)  # batch time
    many = pairs.sum(dim=2)  # of pairs in which a word is the first
    return -(near + strangers * (far * many).sum()) / many.sum()


def thin(
    ids: Int[Tensor, " text"],
    counts: Float[Tensor, " vocab"],
    threshold: float = 1e-3,
    seed: int = 0,
) -> Int[Tensor, " _"]:
    """Drop words more often the more frequent they are; those left move together.

    A word whose share of the text is f stays with probability sqrt(threshold / f), or
    always when f is below the threshold. Source: Mikolov et al. 2013, equation 5.
    """
    generator = torch.Generator().manual_seed(seed)
    stays = (threshold / (counts / counts.sum())).sqrt()
    return ids[torch.rand(len(ids), generator=generator) < stays[ids]]


def skip_grams(
    ids: Int[Tensor, " text"], batch: int, window: int, seed: int = 0
) -> Iterator[Pairs]:
    """Endless batches of random words of a text, each with one of its neighbors.

    The neighbor stands 1 to `window` words before or after, nearer ones more often: the
    next word `window` times as often as the farthest, in a straight line between.
    Raises ValueError when the text is too short for one word with a full window.
    Source: the `window` of word2vec, which shrinks at random for each word.
    """
    if len(ids) <= 2 * window:
        raise ValueError(
            f"a window of {window} needs {2 * window + 1} words, got {len(ids)}"
        )
    generator = torch.Generator().manual_seed(seed)
    distances = torch.tensor([d for d in range(-window, window + 1) if d])
    often = window + 1.0 - distances.abs()
    first, last = window, len(ids) - window
    while True:
        places = torch.randint(first, last, (batch,), generator=generator)
        drawn = often.multinomial(batch, replacement=True, generator=generator)
        yield ids[places], ids[places + distances[drawn]]


def strangers_by(counts: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """How likely each word is drawn as a stranger: its count to the power 0.75."""
    powers = counts**0.75
    return powers / powers.sum()


def sample_strangers(
    pairs: Iterator[Pairs],
    chances: Float[Tensor, " vocab"],
    strangers: int,
    seed: int = 0,
) -> Iterator[Samples]:
    """Beside each neighbor (column 0), set words drawn at random by `chances`."""
    generator = torch.Generator().manual_seed(seed)
    ladder, last = chances.double().cumsum(0), len(chances) - 1
    for words, neighbors in pairs:
        drawn = torch.rand(len(words), strangers, generator=generator).double()
        random = torch.searchsorted(ladder, drawn * ladder[-1]).clamp(max=last)
        yield words, torch.cat([neighbors[:, None], random], dim=1)


def frequency_scores(
    neighbors: Float[Tensor, " vocab"],
    chances: Float[Tensor, " vocab"],
    strangers: int,
) -> Float[Tensor, " vocab"]:
    """The best score for each word, in a pair whose first word is not known.

    `neighbors` says how often each word occurs as a neighbor. The score is the
    logarithm of how much more often it is the neighbor than one of the strangers.
    Source: Levy & Goldberg 2014, section 3.1, with one word for all first words.
    """
    return (neighbors / neighbors.sum() / (strangers * chances)).log()
