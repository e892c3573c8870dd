"""Tokens: text cut into pieces, each piece a whole number."""

from collections.abc import Sequence


class CharacterTokenizer:
    """One token a character; the vocabulary is the sorted alphabet of a text."""

    def __init__(self, text: str):
        """Raises ValueError when the text is empty."""
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
        if unknown := sorted(set(text) - set(self.tokens)):
            raise ValueError(f"characters that are not in the vocabulary: {unknown}")
        return [self.ids[character] for character in text]

    def decode(self, ids: Sequence[int]) -> str:
        """Raises ValueError when an id lies outside the vocabulary."""
        if unknown := [number for number in ids if not 0 <= number < len(self)]:
            raise ValueError(f"ids must lie in 0..{len(self) - 1}, got {unknown}")
        return "".join(self.tokens[number] for number in ids)
