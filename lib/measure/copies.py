"""Copies: which stretches of a text stand, letter for letter, in a text that is known.

Every stretch of `length` characters of the known text has a number (a hash), and the
numbers are sorted. A stretch of another text is looked up by its number, and what is
found is then compared letter for letter: an accident of numbers is no copy.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt32, UInt64

GAP = "\0"  # between two known texts: no stretch reaches from one into the next
NOWHERE = 2**21  # no character's code; stands for a GAP in a text to look up
FACTOR = 0x9E3779B97F4A7C15  # odd, so that a product keeps every letter
Codes = UInt32[np.ndarray, " character"]


class Copy(NamedTuple):
    """A stretch that is copied: where it starts, and the number of a text with it."""

    start: int
    text: str
    source: int


class Copies:
    """Known texts, in which stretches of `length` characters can be looked up.

    23 million characters need 0.4 GB, and 1 GB while they are sorted.
    """

    def __init__(self, texts: Sequence[str], length: int = 50):
        """Raises ValueError when there is no text, one has the character 0, or `length`
        is below 1 or more than the longest text has.
        """
        if isinstance(texts, str) or not len(texts):
            raise ValueError(f"texts must be a list of at least one, got {texts!r}")
        longest = max(map(len, texts))
        if type(length) is not int or not 1 <= length <= longest:
            raise ValueError(f"length must lie in 1..{longest}, got {length!r}")
        if any(GAP in text for text in texts):
            raise ValueError("texts must not have the character 0, which parts them")
        self.length = length
        self.codes = _codes(GAP.join(texts))
        sizes = np.array([len(text) + 1 for text in texts])
        self.ends = np.cumsum(sizes)  # where the text after each one starts
        hashes = _hashes(self.codes, length)
        self.order = np.argsort(hashes, kind="stable").astype(np.int32)
        self.hashes = hashes[self.order]

    def copied(self, text: str) -> Bool[np.ndarray, " window"]:
        """Whether each stretch of `length` characters of a text is a copy."""
        codes = _apart(_codes(text))
        found = np.zeros(max(0, len(codes) - self.length + 1), dtype=bool)
        for start, places in self._alike(codes):
            found[start] = len(self._same(codes, start, places)) > 0
        return found

    def sources(self, stretch: str) -> list[int]:
        """The numbers of all known texts that have this stretch.

        Raises ValueError when it is not of `length` characters.
        """
        if len(stretch) != self.length:
            raise ValueError(
                f"stretch must be of {self.length} characters, got {len(stretch)}"
            )
        codes = _apart(_codes(stretch))
        places = [self._same(codes, *alike) for alike in self._alike(codes)]
        return sorted({self._source(int(p)) for each in places for p in each})

    def spans(self, text: str) -> list[Copy]:
        """All copies of at least `length` characters, the longest first.

        Each is as long as it can be, and none lies within another.
        """
        codes = _apart(_codes(text))
        found = []
        for start, alike in self._alike(codes):
            for place in self._same(codes, start, alike).tolist():
                if start and place and codes[start - 1] == self.codes[place - 1]:
                    continue  # it begins further left, and was found there
                end = start + self._matching(codes, start, place)
                found.append(Copy(start, text[start:end], self._source(place)))
        return _outermost(found)

    def _alike(self, codes: Codes) -> list[tuple[int, Int[np.ndarray, " place"]]]:
        """The starts of all stretches whose number is known, and where it stands."""
        hashes = _hashes(codes, self.length)
        first = np.searchsorted(self.hashes, hashes)
        end = np.searchsorted(self.hashes, hashes, side="right")
        starts = np.flatnonzero(end > first).tolist()
        return [(start, self.order[first[start] : end[start]]) for start in starts]

    def _same(
        self, codes: Codes, start: int, places: Int[np.ndarray, " place"]
    ) -> Int[np.ndarray, " _"]:
        """Those of the places where the stretch stands letter for letter."""
        known = self.codes[places[:, None] + np.arange(self.length)]
        return places[(known == codes[start : start + self.length]).all(axis=1)]

    def _matching(self, codes: Codes, start: int, place: int) -> int:
        """How many characters are the same from here on."""
        size = min(len(codes) - start, len(self.codes) - place)
        differ = codes[start : start + size] != self.codes[place : place + size]
        return int(differ.argmax()) if differ.any() else size

    def _source(self, place: int) -> int:
        return int(np.searchsorted(self.ends, place, side="right"))


def _codes(text: str) -> Codes:
    """The code point of each character, half a surrogate pair included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _apart(codes: Codes) -> Codes:
    """The same where a gap is none: it must not be taken for one of the known texts."""
    return np.where(codes == ord(GAP), np.uint32(NOWHERE), codes)


def _hashes(codes: Codes, length: int) -> UInt64[np.ndarray, " window"]:
    """A number for each stretch: equal stretches have equal ones, others hardly ever.

    It is a polynomial in `FACTOR`, modulo 2**64. Two halves make a whole, so that
    stretches of 50 characters take 7 passes and not 50.

    Source: Karp & Rabin 1987, "Efficient Randomized Pattern-Matching Algorithms".
    """
    if len(codes) < length:
        return np.zeros(0, dtype=np.uint64)
    if length == 1:
        return codes.astype(np.uint64)
    half = length // 2
    halves = _hashes(codes, half)
    high = np.uint64(pow(FACTOR, half, 2**64))
    whole = halves[:-half] * high + halves[half:]
    if length % 2:
        whole = whole[:-1] * np.uint64(FACTOR) + codes[length - 1 :]
    return whole


def _outermost(copies: list[Copy]) -> list[Copy]:
    """Those that lie within no other one, the longest first."""
    kept = []
    reached = 0
    for copy in sorted(copies, key=lambda copy: (copy.start, -len(copy.text))):
        end = copy.start + len(copy.text)
        if end > reached:
            kept.append(copy)
            reached = end
    return sorted(kept, key=lambda copy: -len(copy.text))
