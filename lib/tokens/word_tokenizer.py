"""Whole words as tokens, for models that read and never write.

A byte-pair tokenizer can spell any text. This one cannot: a word that it has not seen
often enough is unknown. In return, each of its tokens means something on its own.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import SupportsIndex

import torch
from jaxtyping import Int
from torch import Tensor

from lib.data.ids import id_list
from lib.tokens.words import words_and_marks

SPECIAL = ("[padding]", "[unknown]", "[mask]")
PADDING, UNKNOWN, MASK = range(len(SPECIAL))


class WordTokenizer:
    """Whole words in lower case; the most common has the smallest id.

    `tokens` has the word of each id; the first three are `SPECIAL`: padding, a word
    that is unknown, and the mask that hides a word in pretraining.
    """

    def __init__(self, vocabulary: Sequence[str]):
        """Raises ValueError when a word is repeated, or is not a single word."""
        if isinstance(vocabulary, str):
            raise ValueError(f"vocabulary must be a list of words, got {vocabulary!r}")
        self.tokens = [*SPECIAL, *vocabulary]
        self.ids = {word: number for number, word in enumerate(self.tokens)}
        if len(self.ids) < len(self.tokens):
            raise ValueError("vocabulary has repeated words, expected each once")
        if bad := [word for word in vocabulary if words_and_marks(word) != [word]][:5]:
            raise ValueError(f"vocabulary has {bad}, expected single words")

    @classmethod
    def train(cls, texts: Iterable[str], at_least: int = 8) -> "WordTokenizer":
        """Know each word that the texts have `at_least` times, most common first.

        Raises ValueError when there is no such word.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts must be a list of strings, got {texts[:50]!r}")
        counts = Counter(word for text in texts for word in words_and_marks(text))
        often = [(-n, word) for word, n in counts.items() if n >= at_least]
        if not often:
            raise ValueError(
                f"texts must have some word {at_least} times, they have "
                f"{len(counts)} words, each less often"
            )
        return cls([word for _, word in sorted(often)])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """An id for each word of a text. Raises ValueError when it has no word."""
        ids = [self.ids.get(word, UNKNOWN) for word in words_and_marks(text)]
        if not ids:
            raise ValueError(f"text must have at least one word, got {text!r}")
        return ids

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """The words, with spaces between them. Raises ValueError for an unknown id."""
        return " ".join(self.tokens[number] for number in id_list(ids, len(self)))


def crop(ids: Sequence[int], longest: int) -> list[int]:
    """A text's beginning and end, half of `longest` each, if it is longer than that.

    A review begins with what it is about and ends with a verdict.
    Raises ValueError unless `longest` is a whole number above 1.

    Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", section
    5.3.1 ("head+tail", there 128 and 382 tokens).
    """
    if type(longest) is not int or longest < 2:
        raise ValueError(f"longest must be above 1, got {longest!r}")
    if len(ids) <= longest:
        return list(ids)
    end = longest // 2
    return [*ids[: longest - end], *ids[-end:]]


def pad(texts: Sequence[Sequence[int]]) -> Int[Tensor, "batch time"]:
    """Texts as the rows of a table, each filled up with padding to the longest.

    Raises ValueError when there is no text, or one without a word, or what is in it is
    no row of ids.
    """
    if not len(texts) or not all(hasattr(ids, "__len__") and len(ids) for ids in texts):
        raise ValueError(f"texts must have a word each, got {[len(t) for t in texts]}")
    rows = torch.full((len(texts), max(map(len, texts))), PADDING)
    for row, ids in zip(rows, texts, strict=True):
        row[: len(ids)] = torch.tensor(id_list(ids, 2**63, "texts"))
    return rows
