"""Summaries: one line for what the docstring of a function says.

The lines are those that the authors of six packages wrote (`lib.data.docstrings`). No
line is the only right one, so that replies are graded by ROUGE-L, not right or wrong.
"""

import re
from collections.abc import Sequence
from functools import cache
from random import Random

from lib.data import docstrings as data
from lib.data.docstrings import Docstring
from lib.instruct.tasks.baselines import shuffled
from lib.instruct.tasks.task import (
    Answerer,
    Drawn,
    Example,
    Metric,
    Task,
    Wordings,
)
from lib.measure.rouge import rouge_l

MOST = 400  # characters of a description: with its summary at most 250 tokens
ASK = Wordings(
    trained=("Sum up {name}:", "In one line, what is {name}?"),
    new=("Give the gist of {name}:",),
)
QUESTION = re.compile(r"\A.*?(\w+)[:?] ")  # it ends with the name


def summaries() -> Task:
    """What does a function or class do, in one line?"""
    return Task(
        "summaries",
        _draw,
        baselines={
            "lead-1": lead_one,
            "name in words": name_in_words,
            "shuffled answers": shuffled,
        },
        metric=Metric("ROUGE-L", lambda each, reply: rouge_l(each.answer, reply)),
    )


@cache
def described() -> list[Docstring]:
    """The docstrings whose description, cut to whole sentences, has `MOST` characters.

    Those whose first sentence is longer are dropped. Raises `CorpusError` when they are
    neither cached nor reachable.
    """
    cut = (
        each._replace(description=leading(each.description, MOST))
        for each in data.docstrings()
    )
    return [each for each in cut if each.description]


def leading(text: str, most: int) -> str:
    """As many sentences from the start as fit into so many characters; "" for none."""
    kept = ""
    for sentence in data.sentences(text):
        longer = f"{kept} {sentence}".strip()
        if len(longer) > most:
            break
        kept = longer
    return kept


def lead_one(examples: Sequence[Example]) -> Answerer:
    """The first sentence of the description."""
    del examples
    return lambda prompt: data.sentences(QUESTION.sub("", prompt))[0]


def name_in_words(examples: Sequence[Example]) -> Answerer:
    """The name of the function, divided into words; "" where none is asked for."""
    del examples

    def answer(prompt: str) -> str:
        found = QUESTION.match(prompt)
        return " ".join(words_of(found[1])) if found else ""

    return answer


def words_of(name: str) -> list[str]:
    """For example "to", "Array", "2", "D" for `to_Array2D`."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)


def combination(name: str) -> str:
    """Of all whose names have the same words; capitals and digits do not count."""
    words = [word.lower() for word in words_of(name) if not word.isdigit()]
    return f"the name {' '.join(words)}"


def _draw(random: Random, variant: str) -> Drawn:
    each = random.choice(described())
    question = ASK.choose(random, variant).format(name=each.name)
    return Drawn(f"{question} {each.description}", each.summary, combination(each.name))
