"""Tasks: a file a family, each with examples, a check of replies, and baselines.

================  =========================================================
file              idea
================  =========================================================
task.py           examples by a seed, and parts that never mix
baselines.py      what any task's answers give away
world.py          people who go from room to room, for stories
stories.py        where is she, where is what she carries, who is where?
inference.py      yes or no, over the same stories
matching.py       the same said, or asked, in other words
extraction.py     name, date and place from a sentence
evaluator.py      one line of Python, and nothing but the grammar taught
one_liners.py     writing such lines, judged by running them
summaries.py      one line for what a docstring says
sentiment.py      real sentences, for or against a film
spelling.py       letters that byte pairs hide
arithmetic.py     with a calculator, and without
formats.py        the right answer in the right form
order.py          asked before the words, or after them
made_up.py        words that no one can know
in_context.py     rules that stand in the prompt alone
replies.py        what people said next, in plays and in chat
reversal.py       what was learned, asked the other way round
dialogue.py       several turns about a world that changes
================  =========================================================
"""

from lib.instruct.tasks.arithmetic import arithmetic, arithmetic_unaided
from lib.instruct.tasks.dialogue import dialogue
from lib.instruct.tasks.extraction import extraction, extraction_made_up
from lib.instruct.tasks.formats import as_json, capitals
from lib.instruct.tasks.in_context import categories, lookup, lookup_words, shift
from lib.instruct.tasks.inference import yes_no
from lib.instruct.tasks.matching import active_passive, paraphrase
from lib.instruct.tasks.one_liners import one_liners
from lib.instruct.tasks.order import order
from lib.instruct.tasks.replies import play_replies, small_talk
from lib.instruct.tasks.reversal import forward, reverse
from lib.instruct.tasks.sentiment import sentiment
from lib.instruct.tasks.spelling import counting, spelling
from lib.instruct.tasks.stories import everybody, one_fact, two_facts
from lib.instruct.tasks.summaries import summaries
from lib.instruct.tasks.task import Example, Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        one_fact(),
        one_fact("last"),
        two_facts(),
        two_facts("last"),
        everybody(),
        everybody(notes=False),
        yes_no(),
        active_passive(),
        paraphrase(),
        extraction(),
        extraction_made_up(),
        one_liners(),
        sentiment(),
        summaries(),
        spelling(),
        counting(),
        arithmetic(),
        arithmetic_unaided(),
        capitals(),
        as_json(),
        order(),
        order("last"),
        shift(),
        lookup(),
        lookup_words(),
        categories(),
        forward(),
        reverse(),
        dialogue(),
        small_talk(),
        play_replies(),
    )
}


def find_task(name: str) -> Task:
    """The task with this name. Raises ValueError for one that is unknown."""
    if name not in TASKS:
        raise ValueError(f"name must be one of {', '.join(TASKS)}, got {name!r}")
    return TASKS[name]


__all__ = ["TASKS", "Example", "Task", "find_task"]
