"""Order: which of four words is the second? Asked before the words, or after them.

A model that reads from left to right and is asked first can look out for the answer.
One that is asked last must have kept all four words apart until then.
"""

import re
from collections.abc import Sequence
from functools import partial
from random import Random

from lib.instruct.tasks.stories import check_asked, with_question
from lib.instruct.tasks.task import Answerer, Drawn, Example, Task, Wordings

WORDS = tuple(
    "river stone bread horse cloud glass paper sugar train violin window bridge candle "
    "forest island mirror pencil ribbon silver thunder apple basket castle dragon "
    "engine flower garlic hammer insect jungle kettle lemon marble needle orange "
    "pepper rabbit saddle ticket whistle".split()
)
ORDINALS = ("first", "second", "third", "fourth")
WHICH = Wordings(
    trained=("Which is {ordinal}?", "Name the {ordinal} word."),
    new=("What stands {ordinal}?", "The {ordinal} one, please."),
)


def order(asked: str = "first") -> Task:
    """Which of four words stands at a place? `asked` as in `stories.one_fact`."""
    check_asked(asked)
    name = "order" if asked == "first" else "order_asked_last"
    return Task(name, partial(_draw, asked), baselines={"first listed": first_listed})


def first_listed(examples: Sequence[Example]) -> Answerer:
    """Always the first of the words: right as often as one of four guesses."""
    del examples
    listed = re.compile("|".join(WORDS))
    return lambda prompt: (listed.findall(prompt) or [""])[0]


def _draw(asked: str, random: Random, variant: str) -> Drawn:
    words = random.sample(WORDS, len(ORDINALS))
    place = random.randrange(len(ORDINALS))
    ordinal, word = ORDINALS[place], words[place]
    question = WHICH.choose(random, variant).format(ordinal=ordinal)
    listed = ", ".join(words)
    prompt = with_question(asked, question, f"Words: {listed}.")
    return Drawn(prompt, word, listed)
