"""Byte-pair encoding: the most frequent pair of neighbors becomes one, repeatedly.

Sources: Gage 1994, "A New Algorithm for Data Compression"; Sennrich et al. 2016,
"Neural Machine Translation of Rare Words with Subword Units", section 3.2; Radford et
al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2, for bytes
instead of characters and for cutting the text into words first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count, pairwise

import regex  # the standard re has no \p{L}, and its \s is not the one of tiktoken

from lib.tokens.words import check_string

Pair = tuple[int, int]
BYTES = 256  # ids 0 to 255 are the bytes themselves

# GPT-2's words: endings such as 's; letters, digits or other signs, with one space
# before them; white space that is left over.
WORD = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def split_words(text: str) -> list[str]:
    """Cut a text into words that tokens never cross; joined again they are the text."""
    check_string(text)
    return regex.findall(WORD, text)


def count_words(text: str) -> dict[bytes, int]:
    """How often each word of a text occurs; a word is its bytes in UTF-8."""
    return {word.encode(): n for word, n in Counter(split_words(text)).items()}


def learn_merges(words: Mapping[bytes, int]) -> Iterator[tuple[Pair, int]]:
    """Yield the merges one by one, each with its pair's count, until no pair is left.

    `words` says how often each word occurs. The pair merged next is the one that occurs
    most often, and among equals the one with the smallest ids; merge n, from 0, writes
    the new id 256 + n for it. Pairs may overlap: "aaa" holds the pair "aa" twice.
    """
    index = PairIndex(words)
    for new in count(BYTES):
        pair = index.most_frequent()
        if pair is None:
            return
        yield pair, index.counts[pair]
        index.merge_pair(pair, new)


class PairIndex:
    """How often each pair occurs and which words hold it, up to date after each merge.

    A merge looks only at the words that hold its pair.
    """

    def __init__(self, words: Mapping[bytes, int]):
        self.words = [list(word) for word in words]  # the ids of each word
        self.times = list(words.values())  # how often each word occurs
        self.counts: Counter[Pair] = Counter()
        self.holders: dict[Pair, set[int]] = defaultdict(set)  # places in self.words
        for place, ids in enumerate(self.words):
            for pair in pairwise(ids):
                self.counts[pair] += self.times[place]
                self.holders[pair].add(place)
        self.queue = [(-count, pair) for pair, count in self.counts.items()]
        heapify(self.queue)  # the highest count first, then the smallest ids

    def most_frequent(self) -> Pair | None:
        """The pair to merge next, or None when none is left.

        A pair is queued once, with its count when it is first seen. From then on the
        count can only fall, so the first whose count still holds beats all others.
        """
        while self.queue:
            queued, pair = self.queue[0]
            if self.counts[pair] == -queued:
                return pair
            if self.counts[pair]:
                heapreplace(self.queue, (-self.counts[pair], pair))
            else:
                heappop(self.queue)
        return None

    def merge_pair(self, pair: Pair, new: int) -> None:
        """Write `new` for `pair` in the words that hold it, and count those again."""
        born = set()
        for place in self.holders.pop(pair):
            before = self.words[place]
            times = self.times[place]
            after = merge_pair(before, pair, new)
            self.words[place] = after
            for gone in pairwise(before):
                self.counts[gone] -= times
            for here in pairwise(after):
                self.counts[here] += times
                if new in here:
                    self.holders[here].add(place)
                    born.add(here)
        for here in born:
            heappush(self.queue, (-self.counts[here], here))


def merge_pair(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Write `new` wherever `pair` stands, left to right: of "aaa" the first two."""
    first, second = pair
    merged: list[int] = []
    for token in ids:
        if token == second and merged and merged[-1] == first:
            merged[-1] = new
        else:
            merged.append(token)
    return merged


def apply_merges(ranks: Mapping[Pair, int], word: bytes) -> list[int]:
    """The ids of a word: merge the pair in it that was learned first, and repeat.

    `ranks` gives the id that each pair becomes; the pair learned first has the lowest.
    There are at most as many passes over the word as it has bytes, or as there are
    ranks.
    """
    ids = list(word)
    while known := [pair for pair in pairwise(ids) if pair in ranks]:
        pair = min(known, key=ranks.__getitem__)
        ids = merge_pair(ids, pair, ranks[pair])
    return ids
