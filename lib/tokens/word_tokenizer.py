"""Words: a tokenizer of whole words, for models that read and never write.

A byte-pair tokenizer can spell any text. This one cannot: a word that it has not seen
often enough is unknown. In return each of its tokens means something on its own.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

SPECIAL = ("[padding]", "[unknown]", "[mask]")
PADDING, UNKNOWN, MASK = range(len(SPECIAL))
WORD = re.compile(
    r"\d+(?:[./]\d+)*"  # a number, a fraction such as 8/10
    r"|[^\W\d_]+(?:'[^\W\d_]+)*"  # letters, with apostrophes inside
    r"|\.+|!+|\?+|-+|[^\w\s]"  # a punctuation mark; some come repeated
)


def words(text: str) -> list[str]:
    """The words, numbers and punctuation marks of a text, in small letters."""
    return WORD.findall(text.lower().replace("’", "'"))


class WordTokenizer:
    """Whole words in small letters; the commonest has the smallest id.

    `tokens` has the word of each id; the first three are `SPECIAL`: padding, a word
    that is unknown, and the mask that hides a word in pretraining.
    """

    def __init__(self, vocabulary: Sequence[str]):
        """Raises ValueError when a word is repeated or no single word."""
        self.tokens = [*SPECIAL, *vocabulary]
        self.ids = {word: number for number, word in enumerate(self.tokens)}
        if len(self.ids) < len(self.tokens):
            raise ValueError("vocabulary has repeated words, expected each once")
        if bad := [word for word in vocabulary if words(word) != [word]][:5]:
            raise ValueError(f"vocabulary has {bad}, expected single words")

    @classmethod
    def train(cls, texts: Iterable[str], at_least: int = 8) -> "WordTokenizer":
        """Know each word that the texts have `at_least` times, commonest first.

        Raises ValueError when there is no such word.
        """
        counts = Counter(word for text in texts for word in words(text))
        often = [(-many, word) for word, many in counts.items() if many >= at_least]
        if not often:
            raise ValueError(
                f"texts must have some word {at_least} times, they have "
                f"{len(counts)} words, each more rarely"
            )
        return cls([word for _, word in sorted(often)])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """An id for each word of a text.

        Raises ValueError when there is no word in it.
        """
        ids = [self.ids.get(word, UNKNOWN) for word in words(text)]
        if not ids:
            raise ValueError(f"text must have at least one word, got {text!r}")
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The words with spaces between. Raises ValueError for an unknown id."""
        if strange := [number for number in ids if not 0 <= number < len(self)]:
            raise ValueError(f"ids must lie in 0..{len(self) - 1}, got {strange}")
        return " ".join(self.tokens[number] for number in ids)


def crop(ids: Sequence[int], longest: int) -> list[int]:
    """A text's beginning and end, half of `longest` each, where it is longer than that.

    A review says at its beginning what it is about, and at its end what came of it.
    Raises ValueError unless `longest` is above 1.

    Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", section
    5.3.1 ("head+tail", there 128 and 382 tokens).
    """
    if longest < 2:
        raise ValueError(f"longest must be above 1, got {longest}")
    if len(ids) <= longest:
        return list(ids)
    end = longest // 2
    return [*ids[: longest - end], *ids[-end:]]


def pad(texts: Sequence[Sequence[int]]) -> Int[Tensor, "batch time"]:
    """Texts under each other, each filled up with padding to the longest.

    Raises ValueError when there is no text, or one without a word.
    """
    if not texts or not all(texts):
        raise ValueError(f"texts must have a word each, got {[len(t) for t in texts]}")
    rows = torch.full((len(texts), max(map(len, texts))), PADDING)
    for row, ids in zip(rows, texts, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return rows
