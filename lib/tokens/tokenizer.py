"""Tokens: text cut into pieces, each piece a whole number."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, SupportsIndex

from lib.data.ids import id_list
from lib.tokens.bpe import (
    BYTES,
    WORD,
    Pair,
    apply_merges,
    count_words,
    learn_merges,
    split_words,
)
from lib.tokens.words import check_string

FORMAT = "inside-gpt byte pairs 1"
CACHED_WORDS = 2**16  # the plays have 35,000 different ones


class CharacterTokenizer:
    """One token a character; the vocabulary is the sorted alphabet of a text."""

    def __init__(self, text: str):
        """Raises ValueError when the text is empty."""
        check_string(text)
        if not text:
            raise ValueError(
                "a tokenizer needs some text to learn its alphabet from, got ''"
            )
        self.tokens = sorted(set(text))
        self.ids = {token: number for number, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """Raises ValueError that names the characters it has never seen."""
        check_string(text)
        if unknown := sorted(set(text) - set(self.tokens)):
            raise ValueError(f"characters that are not in the vocabulary: {unknown}")
        return [self.ids[character] for character in text]

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """Raises ValueError unless the ids are one row of ids of the vocabulary."""
        return "".join(self.tokens[number] for number in id_list(ids, len(self)))


class BytePairTokenizer:
    """Pieces of words, learned from a text. Bytes lie underneath: any text has ids.

    Ids 0 to 255 are the bytes, 256 + n is made by merge n, special tokens come last.
    `tokens` has the bytes of each id, `merges` the pairs of ids in the order learned,
    `special` the id of each special token. How it works: `lib.tokens.bpe`.
    """

    def __init__(self, merges: Sequence[Pair] = (), special: Sequence[str] = ()):
        """Without merges, every byte is a token.

        Raises ValueError when a merge uses an id not made before it or makes a token
        again, or a special token is empty, repeated or not valid Unicode.
        """
        self.merges = [_pair(merge) for merge in merges]
        self.tokens = _join(self.merges)
        self.special = _number(special, first=len(self.tokens))
        self.tokens += [name.encode() for name in self.special]
        self._ranks = {pair: BYTES + n for n, pair in enumerate(self.merges)}
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls, text: str, vocab: int, special: Sequence[str] = ()
    ) -> "BytePairTokenizer":
        """Learn merges from `text` until there are `vocab` tokens, special ones too.

        A text that runs out of pairs gives fewer: `len` says how many. Where `text`
        names a special token, that is learned from like any other characters.
        Raises ValueError when `text` is empty or not valid Unicode, when `vocab` does
        not hold the bytes and special tokens, or for a bad special token.
        """
        least = len(cls(special=special))
        if not text:
            raise ValueError("text is '', expected some text to learn merges from")
        if type(vocab) is not int or vocab < least:
            raise ValueError(
                f"vocab is {vocab!r}, expected at least {least}: {BYTES} bytes and "
                f"{least - BYTES} special tokens"
            )
        _check_unicode(text, "text")
        merges = islice(learn_merges(count_words(text)), vocab - least)
        return cls([pair for pair, _ in merges], special)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(
        self, text: str, allow_special: Collection[str] | bool = False
    ) -> list[int]:
        """The ids of a text. Where it names a special token, that is plain text.

        Only names in `allow_special` (True: all) become the one id of that token.
        Raises ValueError when `text` is not valid Unicode or `allow_special` has
        a name that is no special token's.
        """
        _check_unicode(text, "text")
        allowed = self._allowed(allow_special)
        ids: list[int] = []
        for part in _split_at(allowed, text):
            if part in allowed:
                ids.append(self.special[part])
            else:
                for word in split_words(part):
                    ids.extend(self._cache.get(word) or self._encode_word(word))
        return ids

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """The text of some ids; bytes that are not UTF-8 are shown as U+FFFD.

        Raises ValueError unless they are one row of ids of the vocabulary.
        """
        return b"".join(self._bytes(ids)).decode(errors="replace")

    def pieces(self, ids: Iterable[SupportsIndex]) -> list[str]:
        r"""One printable string an id, to look at; `decode` gives the text itself.

        What cannot be seen, such as a line break, is written as in Python: "\n". So are
        the bytes of a character that is spread over several tokens: "\xe4\xbd".
        Raises ValueError unless they are one row of ids of the vocabulary.
        """
        texts = [token.decode(errors="backslashreplace") for token in self._bytes(ids)]
        return ["".join(map(_visible, text)) for text in texts]

    def save(self, path: str | Path) -> None:
        """Write a JSON file with a checksum: whole, or not at all if that fails."""
        content = {
            "format": FORMAT,
            "word": WORD,
            "merges": self.merges,
            "special": list(self.special),
        }
        content["sha256"] = _checksum(content)
        path = Path(path)
        with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            fresh.write_text(json.dumps(content), encoding="utf-8")
            fresh.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> "BytePairTokenizer":
        """Read what `save` wrote. Raises ValueError when that is not what is there."""
        try:
            return cls(*_parse(Path(path).read_bytes()))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is damaged or no tokenizer: {error}") from error

    def _encode_word(self, word: str) -> list[int]:
        """The ids of a word, kept for the next time; a full cache starts over."""
        if len(self._cache) >= CACHED_WORDS:
            self._cache.clear()
        ids = apply_merges(self._ranks, word.encode())
        self._cache[word] = ids
        return ids

    def _allowed(self, allow_special: Collection[str] | bool) -> set[str]:
        if isinstance(allow_special, str) or allow_special is None:
            raise ValueError(
                f"allow_special must be True, False or a list of names, got "
                f"{allow_special!r}"
            )
        if isinstance(allow_special, bool):
            return set(self.special) if allow_special else set()
        if unknown := sorted(set(allow_special) - set(self.special)):
            raise ValueError(
                f"allow_special has {unknown}, expected some of {list(self.special)}"
            )
        return set(allow_special)

    def _bytes(self, ids: object) -> list[bytes]:
        return [self.tokens[number] for number in id_list(ids, len(self))]


def _pair(merge: object) -> Pair:
    if not isinstance(merge, Sequence) or [type(token) for token in merge] != [
        int,
        int,
    ]:
        raise ValueError(f"merges must be pairs of ids, got {merge!r}")
    first, second = merge
    return first, second


def _join(merges: Sequence[Pair]) -> list[bytes]:
    """The bytes of each id, those that merges make included."""
    tokens = [bytes([byte]) for byte in range(BYTES)]
    taken = set(tokens)
    for n, (first, second) in enumerate(merges):
        if not (0 <= first < len(tokens) and 0 <= second < len(tokens)):
            raise ValueError(
                f"merge {n} is {first, second}, expected ids in 0..{len(tokens) - 1}"
            )
        token = tokens[first] + tokens[second]
        if token in taken:
            raise ValueError(f"merge {n} makes {token!r}, which is a token already")
        tokens.append(token)
        taken.add(token)
    return tokens


def _number(special: Sequence[str], first: int) -> dict[str, int]:
    """Ids for special tokens, from `first` on."""
    if isinstance(special, str) or "" in special or len(set(special)) < len(special):
        raise ValueError(
            f"special is {special!r}, expected different strings, none of them empty"
        )
    for name in special:
        _check_unicode(name, "special")
    return {name: first + n for n, name in enumerate(special)}


def _check_unicode(text: Any, argument: str) -> None:
    """Refuse half of a surrogate pair: it is no character, so UTF-8 cannot write it."""
    check_string(text, argument)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{argument} has the lone surrogate {text[error.start]!r} at position "
            f"{error.start}, expected valid Unicode"
        ) from error


def _split_at(names: Collection[str], text: str) -> list[str]:
    """Cut a text before and after each of the names; the longest name wins."""
    if not names:
        return [text]
    longest_first = sorted(names, key=len, reverse=True)
    return re.split(f"({'|'.join(map(re.escape, longest_first))})", text)


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def _checksum(content: dict) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _parse(data: bytes) -> tuple[list[Pair], list[str]]:
    """The merges and special tokens of a saved file, of the right types."""
    content = json.loads(data)
    keys = {"format", "word", "merges", "special", "sha256"}
    if not isinstance(content, dict) or content.keys() != keys:
        raise ValueError(f"expected an object with the keys {sorted(keys)}")
    if content.pop("sha256") != _checksum(content):
        raise ValueError("its checksum is not that of its content")
    if (content["format"], content["word"]) != (FORMAT, WORD):
        raise ValueError(f"expected the format {FORMAT!r} and this book's words")
    merges = content["merges"]
    special = content["special"]
    if not (isinstance(merges, list) and all(map(_is_pair, merges))):
        raise ValueError("expected merges to be a list of pairs of ids")
    if not (isinstance(special, list) and all(isinstance(s, str) for s in special)):
        raise ValueError("expected special to be a list of strings")
    return [(first, second) for first, second in merges], special


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and [type(item) for item in value] == [int, int]
