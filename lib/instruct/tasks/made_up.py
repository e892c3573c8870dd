"""Made-up words: syllables at random, for names that no one can know."""

from random import Random

STARTS = "b d f g k l m n p r s t v z".split()
VOWELS = "a e i o u".split()


def made_up_word(random: Random, syllables: int = 2) -> str:
    """A word such as "teko", of so many syllables, in lower case."""
    return "".join(
        random.choice(STARTS) + random.choice(VOWELS) for _ in range(syllables)
    )


def made_up_words(random: Random, size: int, syllables: int = 2) -> tuple[str, ...]:
    """So many different words, in the order in which they were drawn.

    Raises ValueError when so many syllables do not give so many words.
    """
    most = (len(STARTS) * len(VOWELS)) ** syllables
    if not 0 <= size <= most // 2:  # beyond half, drawing anew takes long
        raise ValueError(f"size must lie in 0..{most // 2}, got {size}")
    found: dict[str, None] = {}
    while len(found) < size:
        found[made_up_word(random, syllables)] = None
    return tuple(found)
