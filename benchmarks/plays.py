"""The plays by characters: what several comparisons learn from and test on."""

from itertools import islice
from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor, tensor

from lib import train
from lib.data import corpora
from lib.tokens.tokenizer import CharacterTokenizer

HELD_OUT = ("Macbeth", "The Tempest")


class Plays(NamedTuple):
    """All plays but two as text and as ids, the two held out, the alphabet of both."""

    learned: str
    ids: Int[Tensor, " text"]
    held_out: Int[Tensor, " text"]
    characters: CharacterTokenizer

    @property
    def vocab(self) -> int:
        """How many different characters there are."""
        return len(self.characters)

    def test(self, time: int) -> list[train.Batch]:
        """512 windows of the plays held out, always the same."""
        return list(islice(train.windows(self.held_out, 64, time, seed=9), 8))


def read() -> Plays:
    """Every play once, in order of their titles."""
    plays = corpora.shakespeare()
    held_out = "\n".join(plays.pop(title) for title in HELD_OUT)
    learned = "\n".join(plays.values())
    characters = CharacterTokenizer(learned + held_out)
    ids, other = (tensor(characters.encode(each)) for each in (learned, held_out))
    return Plays(learned, ids, other, characters)
