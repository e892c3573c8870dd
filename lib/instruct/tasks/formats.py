"""Format: the right answer in the form that was asked for.

An answer can be right in the wrong form, or wrong in the right one: `is_json_object`
and `str.isupper` look at the form alone, the task's check at both.
"""

import json
import re
from collections.abc import Sequence
from random import Random

from lib.instruct.tasks.extraction import by_rule, draw_text, known_name
from lib.instruct.tasks.stories import WHERE, last_room
from lib.instruct.tasks.task import Answerer, Drawn, Example, Task, Wordings
from lib.instruct.tasks.world import walks

IN_CAPITALS = Wordings(
    trained=("Answer in capitals.", "Write the answer in capital letters."),
    new=("Shout the answer.", "Reply in upper case."),
)
AS_JSON = Wordings(
    trained=("Give name and place as JSON.", "Name and place in JSON:"),
    new=("Put name and place into a JSON object.",),
)


def capitals() -> Task:
    """Where is a person? The room, in capital letters."""
    return Task("capitals", _draw_capitals, baselines={"last room": shouted_room})


def as_json() -> Task:
    """The name and the place of a text, as a JSON object with these two keys."""
    rule = {"regular expression": json_by_rule}
    return Task("json", _draw_json, accepts=same_json, baselines=rule)


def is_json_object(reply: str) -> bool:
    """Whether a reply parses, as an object and not as a list, number or string."""
    return _parsed(reply) is not None


def same_json(example: Example, reply: str) -> bool:
    """The reply parses, and has the keys and values of the answer, in any order."""
    return _parsed(reply) == json.loads(example.answer)


def shouted_room(examples: Sequence[Example]) -> Answerer:
    """The room that was named last, in capitals."""
    answer = last_room(examples)
    return lambda prompt: answer(prompt).upper()


def json_by_rule(examples: Sequence[Example]) -> Answerer:
    """What `extraction.by_rule` finds, as JSON; the form is right by construction."""
    del examples

    def answer(prompt: str) -> str:
        _, text = re.split(r"(?<=[.:]) ", prompt, maxsplit=1)
        found = by_rule(text)
        return json.dumps({"name": found.name, "place": found.place})

    return answer


def _parsed(reply: str) -> dict | None:
    try:
        value = json.loads(reply)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _draw_capitals(random: Random, variant: str) -> Drawn:
    world = walks(random, random.randint(1, 5))
    who = random.choice(sorted(world.rooms))
    room = world.room(who)
    question = random.choice(WHERE.trained).format(it=who)
    form = IN_CAPITALS.choose(random, variant)
    return Drawn(f"{question} {form} {world.story}", room.upper(), world.story)


def _draw_json(random: Random, variant: str) -> Drawn:
    text, found = draw_text(random, known_name(random, variant), variant)
    prompt = f"{AS_JSON.choose(random, variant)} {text}"
    answer = json.dumps({"name": found.name, "place": found.place})
    return Drawn(prompt, answer, f"{found.name} of {found.place}")
