"""Arithmetic: what a calculator does better, if the model knows to ask it.

In one task the model learns to write a call, and is given the result; in the other it
has to say the result by itself. The questions are the same.
"""

from functools import partial
from random import Random

from lib.instruct.tasks.task import Drawn, Task, Wordings
from lib.instruct.template import Turn
from lib.instruct.tools import calculator, call

ASK = Wordings(
    trained=("What is {expression}?", "How much is {expression}?"),
    new=("Work out {expression}.", "Tell me what {expression} makes."),
)
SMALLEST, LARGEST = 2, 99
FORMS = ("{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} * {1} + {2}", "({0} + {1}) * {2}")


def arithmetic() -> Task:
    """The value of an expression of two or three numbers, with the calculator."""
    return Task("arithmetic", partial(_draw, True))


def arithmetic_unaided() -> Task:
    """The same questions, to be answered at once."""
    return Task("arithmetic_unaided", partial(_draw, False))


def _draw(aided: bool, random: Random, variant: str) -> Drawn:
    numbers = [random.randint(SMALLEST, LARGEST) for _ in range(3)]
    expression = random.choice(FORMS).format(*numbers)
    prompt = ASK.choose(random, variant).format(expression=expression)
    value = calculator(expression)
    steps = (call("calculator", expression), Turn("tool", value)) if aided else ()
    return Drawn(prompt, value, expression, steps)
