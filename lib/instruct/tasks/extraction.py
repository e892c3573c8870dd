"""Extraction: the name, the date and the place that a sentence gives.

A mix of a name and a place that is measured was never trained, though each of the two
was. Whether a model copies what stands there, or knows the names, shows on new names.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

from lib.instruct.tasks.made_up import made_up_word
from lib.instruct.tasks.task import (
    NEW_WORDING,
    USUAL,
    Answerer,
    Drawn,
    Example,
    Task,
    Wordings,
)

FIRST = tuple(
    "Alma Bruno Carla David Elsa Felix Greta Henry Irma Jonas Karin Leon Marta Nils "
    "Olga Peter Rosa Simon Tilda Victor".split()
)
LAST = tuple(
    "Adler Berger Carter Dahl Egger Fischer Graham Holm Iversen Jansen Keller Lang "
    "Miller Novak Olsen Parker Ritter Stone Turner Weber".split()
)
NEW_FIRST = tuple("Agnes Boris Doris Edgar Flora Gustav Helen Kurt Lydia Oscar".split())
NEW_LAST = tuple(
    "Archer Brandt Cooper Drake Foster Hansen Kramer Mason Porter Winter".split()
)
PLACES = tuple(
    "Bergen Bremen Cork Delft Dover Florence Geneva Genoa Ghent Krakow Leeds Linz Lyon "
    "Malmo Oslo Porto Riga Siena Turin Vienna".split()
)
MONTHS = tuple(
    "January February March April May June July August September October November "
    "December".split()
)
NEW_TEXT, NEW_NAMES = "new text", "new names"
TEXTS = (
    "On {date}, {name} opened a bakery in {place}.",
    "{name} was born in {place} on {date}.",
    "In {place}, {name} sold the old mill on {date}.",
    "The letter that {name} wrote in {place} is dated {date}.",
    "Since {date}, {name} has lived in {place}.",
    "A photograph of {date} shows {name} in {place}.",
)
NEW_TEXTS = (
    "It was {date} when {name} came to {place}.",
    "{place}, {date}: {name} has won the race.",
)
ASK = {
    "{name}": Wordings(
        ("Who is it about?", "Give the name."), ("Which person is meant?",)
    ),
    "{date}": Wordings(("When was it?", "Give the date."), ("Which day was it?",)),
    "{place}": Wordings(
        ("Where was it?", "Give the place."), ("Which town is meant?",)
    ),
    "{name}; {date}; {place}": Wordings(
        ("Give name, date and place.", "Extract name, date, place."),
        ("List person, day and town.",),
    ),
}
NAME_IN = re.compile(r"\b(?!In )[A-Z][a-z]+ [A-Z][a-z]+")
DATE_IN = re.compile(rf"\d+ (?:{'|'.join(MONTHS)}) \d+")
PLACE_IN = re.compile(r"(?:\b[Ii]n |\bto )([A-Z][a-z]+)|^([A-Z][a-z]+), \d")


class Found(NamedTuple):
    """What a text gives."""

    name: str
    date: str
    place: str


def extraction() -> Task:
    """Who, when, where, or all three; names from a list of 400."""
    return _task("extraction", known_name)


def extraction_made_up() -> Task:
    """The same with a new name of random syllables in each text."""
    return _task("extraction_made_up", made_up_name)


def by_rule(text: str) -> Found:
    """What regular expressions find in a text; "" for what they do not."""
    name = NAME_IN.search(text)
    date = DATE_IN.search(text)
    place = PLACE_IN.search(text)
    return Found(
        name[0] if name else "",
        date[0] if date else "",
        (place[1] or place[2]) if place else "",
    )


def regular_expression(examples: Sequence[Example]) -> Answerer:
    """Finds with `by_rule` what the wording asks for; "" for a wording it lacks."""
    del examples
    forms = {
        wording: form
        for form, ways in ASK.items()
        for wording in (*ways.trained, *ways.new)
    }

    def answer(prompt: str) -> str:
        question, text = re.split(r"(?<=[.?]) ", prompt, maxsplit=1)
        return forms.get(question, "").format(**by_rule(text)._asdict())

    return answer


def draw_text(random: Random, name: str, variant: str) -> tuple[str, Found]:
    """A sentence about somebody, and what it gives."""
    month, year = random.choice(MONTHS), random.randint(1850, 2019)
    date = f"{random.randint(1, 28)} {month} {year}"
    found = Found(name, date, random.choice(PLACES))
    texts = NEW_TEXTS if variant == NEW_TEXT else TEXTS
    return random.choice(texts).format(**found._asdict()), found


def known_name(random: Random, variant: str) -> str:
    """A first and a last name: of the known ones, or of those held out."""
    if variant == NEW_NAMES:
        return f"{random.choice(NEW_FIRST)} {random.choice(NEW_LAST)}"
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def made_up_name(random: Random, variant: str) -> str:
    """Two made-up words; real names where new ones are wanted."""
    if variant == NEW_NAMES:
        return known_name(random, variant)
    words = (made_up_word(random, random.choice([2, 3])) for _ in range(2))
    return " ".join(word.capitalize() for word in words)


def _task(name: str, draw_name: Callable[[Random, str], str]) -> Task:
    return Task(
        name,
        partial(_draw, draw_name),
        variants=(USUAL, NEW_WORDING, NEW_TEXT, NEW_NAMES),
        baselines={"regular expression": regular_expression},
    )


def _draw(
    draw_name: Callable[[Random, str], str], random: Random, variant: str
) -> Drawn:
    text, found = draw_text(random, draw_name(random, variant), variant)
    form = random.choice(list(ASK))
    prompt = f"{ASK[form].choose(random, variant)} {text}"
    answer = form.format(**found._asdict())
    return Drawn(prompt, answer, f"{found.name} of {found.place}")
