"""A tokenizer as plain data, which JSON can hold and which makes the same one again.

This is what is stored beside a model: on the cards of `lib.hub`, and in checkpoints.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer

WritingTokenizer = CharacterTokenizer | BytePairTokenizer  # joined, tokens are text
Tokenizer = WritingTokenizer | WordTokenizer
KINDS = (CharacterTokenizer, BytePairTokenizer, WordTokenizer)


def is_described(tokenizer: object) -> TypeGuard[Tokenizer]:
    """Whether a tokenizer is one of this book's, so that `describe` knows it."""
    return type(tokenizer) in KINDS


def describe(tokenizer: Tokenizer) -> dict[str, Any]:
    """The alphabet, the merges and special tokens, or the words: all that it knows.

    Raises ValueError for a tokenizer that is none of this book's.
    """
    if not is_described(tokenizer):
        names = [kind.__name__ for kind in KINDS]
        raise ValueError(
            f"tokenizer must be one of {names}, got {type(tokenizer).__name__}"
        )
    if isinstance(tokenizer, CharacterTokenizer):
        return {"alphabet": "".join(tokenizer.tokens)}
    if isinstance(tokenizer, WordTokenizer):
        return {"words": tokenizer.tokens[len(SPECIAL) :]}
    flat = [id for pair in tokenizer.merges for id in pair]  # one line, not thousands
    return {"merges": " ".join(map(str, flat)), "special": list(tokenizer.special)}


def from_description(described: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that `describe` described; what else is there is passed over.

    Raises ValueError when it describes none, or one that cannot be.
    """
    if "alphabet" in described:
        return _of_characters(described["alphabet"])
    if "words" in described:
        return WordTokenizer(described["words"])
    if not {"merges", "special"} <= described.keys():
        raise ValueError(
            f"a tokenizer has an alphabet, words, or merges and special tokens, got "
            f"{sorted(described)}"
        )
    ids = list(map(int, described["merges"].split()))
    pairs = list(zip(ids[::2], ids[1::2], strict=True))
    return BytePairTokenizer(pairs, described["special"])


def _of_characters(alphabet: str) -> CharacterTokenizer:
    """Raises ValueError unless each character stands where its id says."""
    tokenizer = CharacterTokenizer(alphabet)
    if "".join(tokenizer.tokens) != alphabet:
        raise ValueError(f"an alphabet must be sorted, each once, got {alphabet!r}")
    return tokenizer
