"""Writing Python: one line over a list of numbers, judged by running it.

A request has three parts: what to keep, what to do with each number, and what to make
of them all. Each part was trained; the three together, where it is measured, were not.
"""

from collections.abc import Sequence
from random import Random

from lib.instruct.tasks.evaluator import Refused, run_line
from lib.instruct.tasks.task import Drawn, Example, Task, Wordings

ASK = Wordings(
    trained=("Write Python: {what}.", "Python for {what}:"),
    new=("Give me a line of Python with {what}.", "In Python, what is {what}?"),
)
ALL = {  # what to make of the numbers
    "the sum of": "sum({each})",
    "the largest of": "max({each})",
    "the smallest of": "min({each})",
    "the number of": "len([{each}])",
    "a sorted list of": "sorted({each})",
    "a list of": "[{each}]",
}
EACH = {  # what to do with each
    "": "x",
    "the squares of": "x * x",
    "the doubles of": "2 * x",
    "the negatives of": "-x",
    "the absolute values of": "abs(x)",
    "3 more than": "x + 3",
    "the last digits of": "abs(x) % 10",
}
KEEP = {  # which numbers
    "all xs": "",
    "the even xs": " if x % 2 == 0",
    "the odd xs": " if x % 2 == 1",
    "the positive xs": " if x > 0",
    "the negative xs": " if x < 0",
    "the xs above 3": " if x > 3",
    "the xs below 5": " if x < 5",
    "the xs other than 1": " if x != 1",
}
INPUTS = (  # two requests with the same values on all of these mean the same
    (1,),
    (0, 4),
    (-6, -1, -5),
    (-20, 3, 11, -21),
    (8, 6, 9, 7, 41),
    (5, 1, -26, 2, -7),
    (),
)


def one_liners() -> Task:
    """A request in words; any line with the right value on all `INPUTS` will do."""
    return Task("python", _draw, accepts=does_the_same)


def outcomes(source: str) -> list[object]:
    """What a line gives on each of the `INPUTS`: a value, or None if it is refused."""
    found = []
    for xs in INPUTS:
        try:
            found.append(run_line(source, xs))
        except Refused:
            found.append(None)
    return found


def does_the_same(example: Example, reply: str) -> bool:
    """The reply and the answer give the same on all `INPUTS`."""
    return _typed(outcomes(reply)) == _typed(outcomes(example.answer))


def _typed(values: Sequence[object]) -> list[tuple[type, object]]:
    return [(type(value), value) for value in values]  # True is not 1 here


def _draw(random: Random, variant: str) -> Drawn:
    whole, each, keep = (random.choice(list(part)) for part in (ALL, EACH, KEEP))
    if whole == "the number of":
        each = ""  # it does not depend on what is done with each
    loop = f"{EACH[each]} for x in xs{KEEP[keep]}"
    what = " ".join(part for part in (whole, each, keep) if part)
    prompt = ASK.choose(random, variant).format(what=what)
    return Drawn(prompt, ALL[whole].format(each=loop), f"Python: {what}")
