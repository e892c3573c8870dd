"""Spelling and counting: what a model of byte pairs does not see.

A word of several letters is one token or two. Which letters it has must be learned word
by word, so a word that is measured was never spelled in training.
"""

import re
from collections import Counter
from functools import cache
from random import Random

from lib.instruct.tasks.sentiment import sentences
from lib.instruct.tasks.task import TRAINING, Drawn, Task, Wordings, part_of

SHORTEST, LONGEST, OFTEN = 4, 8, 4
SPELL = Wordings(
    trained=("Spell {word}.", "Which letters does {word} have?"),
    new=("Write {word} letter by letter.",),
)
COUNT = Wordings(
    trained=("How many times is {letter} in {word}?", "Count {letter} in {word}."),
    new=("What is the number of {letter} in {word}?",),
)


def spelling() -> Task:
    """The letters of a word, with spaces between them."""
    return Task("spelling", _draw_spelling)


def counting() -> Task:
    """How often a letter stands in a word: 0, 1 or 2 times, each as often."""
    return Task("counting", _draw_counting)


@cache
def words() -> tuple[str, ...]:
    """Words of 4 to 8 letters that review sentences to learn from have 4 times or more.

    Raises `CorpusError` when the reviews are neither cached nor reachable.
    """
    learned = [each.text for each in sentences() if part_of(each.text) == TRAINING]
    pattern = re.compile(rf"(?<![\w'])[a-z]{{{SHORTEST},{LONGEST}}}(?![\w'])")
    counts = Counter(word for text in learned for word in pattern.findall(text))
    return tuple(sorted(word for word, count in counts.items() if count >= OFTEN))


def _draw_spelling(random: Random, variant: str) -> Drawn:
    word = random.choice(words())
    prompt = SPELL.choose(random, variant).format(word=word)
    return Drawn(prompt, " ".join(word), f"the letters of {word}")


def _draw_counting(random: Random, variant: str) -> Drawn:
    wanted = random.randrange(3)
    while True:
        word = random.choice(words())
        letters = "abcdefghijklmnopqrstuvwxyz" if wanted == 0 else sorted(set(word))
        if fitting := [each for each in letters if word.count(each) == wanted]:
            break
    letter = random.choice(fitting)
    prompt = COUNT.choose(random, variant).format(letter=letter, word=word)
    return Drawn(prompt, str(wanted), f"the letters of {word}")
