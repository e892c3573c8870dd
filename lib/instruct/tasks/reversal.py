"""The reversal: told that A is the capital of B, what is the capital of B?

Towns and lands are made up. Every model is asked "A is the capital of which land?" in
training. The other way round it is asked about most pairs, and measured on the rest.

Source: Berglund et al. 2023, "The Reversal Curse: LLMs trained on 'A is B' fail to
learn 'B is A'".
"""

from functools import cache
from random import Random

from lib.instruct.tasks.made_up import made_up_words
from lib.instruct.tasks.task import TRAINING, USUAL, Drawn, Task, Wordings

PAIRS = 100
LAND_OF = (
    "{town} is the capital of which land?",
    "Of which land is {town} the capital?",
)
TOWN_OF = Wordings(
    trained=("What is the capital of {land}?", "Which town is the capital of {land}?"),
    new=("{land} has which capital?",),
)


@cache
def pairs() -> dict[str, str]:
    """A land for each town, always the same; no name is used twice."""
    names = [name.capitalize() for name in made_up_words(Random(0), 2 * PAIRS, 3)]
    return dict(zip(names[:PAIRS], names[PAIRS:], strict=True))


def forward() -> Task:
    """The land of a town. All pairs are trained, so only `TRAINING` has examples."""
    return Task(
        "capital_of",
        _draw_forward,
        variants=(USUAL,),
        part_of=lambda combination: TRAINING,
    )


def reverse() -> Task:
    """The town of a land: trained for eight pairs in ten, measured on the others."""
    return Task("reversal", _draw_reverse)


def _draw_forward(random: Random, variant: str) -> Drawn:
    town, land = random.choice(list(pairs().items()))
    prompt = random.choice(LAND_OF).format(town=town)
    return Drawn(prompt, land, f"{town} to {land}")


def _draw_reverse(random: Random, variant: str) -> Drawn:
    town, land = random.choice(list(pairs().items()))
    prompt = TOWN_OF.choose(random, variant).format(land=land)
    return Drawn(prompt, town, f"{land} to {town}")
