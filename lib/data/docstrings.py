"""Docstrings: what a function does, in one line and in a few sentences.

By custom the first line of a docstring sums up what the rest says at length. So every
well-kept package holds summaries that people wrote. They are read with `ast` from the
sources in the wheels: nothing is imported.

Source: PEP 257, "Docstring Conventions" (a summary line, a blank line, and more).
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

from lib.data.reviews import openings
from lib.data.wheels import texts

PACKAGES = ("sympy", "networkx", "transformers", "keras", "xarray", "nltk")
PASSED_OVER = re.compile(r"/tests?[/_]|_test\.py|/models/")  # models repeat one another
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
LEAST_WORDS = {"summary": 3, "description": 8}
MOST_CHARACTERS = 120  # of a summary
ROLE = re.compile(r"(?::\w+)+:`~?\.?([^`<]+?)(?: <[^`]+>)?`")  # of reStructuredText
HEADING = re.compile(r"\A(?:Explanation|Description|Notes?)\n[-=~]{3,} *\n*")
ENDS = re.compile(r"(?<=[a-z0-9)\]`'\"][.!?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z`'\"(])")
SENTENCE = re.compile(r"[A-Z`'\"(].*[.!?]\)?", re.DOTALL)
# A heading, a list, a field, what is indented; a formula, an address.
NO_SENTENCE = re.compile(r"\n[-=~:*> ]|:\s*\n|\A\w+:|::|[\\$|^=<>{}]|https?:")


class Docstring(NamedTuple):
    """A function or class, the line that sums it up, and the sentences after it."""

    name: str
    description: str
    summary: str
    package: str


def docstrings() -> list[Docstring]:
    """Give the docstrings of six packages that have a summary and sentences after it.

    Copies are dropped, as in `without_copies`. It takes ten seconds. Raises
    `CorpusError` when a wheel is neither cached nor reachable.
    Source: the wheels that `lib.data.wheels` names; data.md has their licenses.
    """
    found = (
        each
        for package in PACKAGES
        for path, source in texts(package, "*.py").items()
        if not PASSED_OVER.search(path)
        for each in read(source, package)
    )
    return without_copies(found)


def read(source: str, package: str = "") -> Iterator[Docstring]:
    """The docstrings of a file that have both, in order; of `__init__` and such, none.

    Raises SyntaxError when the source is no Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other people's code
        tree = ast.parse(source)
    for node in _defined(tree):
        halves = divide(ast.get_docstring(node) or "")
        if halves and not node.name.startswith("__"):
            summary, description = halves
            yield Docstring(node.name, description, summary, package)


def divide(docstring: str) -> tuple[str, str] | None:
    """The summary and the description of a docstring; None where it has not both.

    The summary is the first paragraph. The description is all sentences up to the first
    heading, list, field, formula or example; a heading such as "Explanation" is passed
    over. Both become one line, without marks of reStructuredText.
    """
    text = ROLE.sub(r"\1", docstring).strip()
    first, _, rest = text.partition("\n\n")
    summary = _plain(first)
    description = " ".join(_prose(HEADING.sub("", rest.strip("\n"))))
    if len(summary) > MOST_CHARACTERS or NO_SENTENCE.search(summary):
        return None
    for name, text in (("summary", summary), ("description", description)):
        if len(text.split()) < LEAST_WORDS[name]:
            return None
    return summary, description


def without_copies(every: Iterable[Docstring]) -> list[Docstring]:
    """Of docstrings that open a sentence with the same twelve words, only the first.

    Shorter summaries and descriptions are compared whole. Capitals, spaces and
    punctuation do not count (`lib.data.reviews.openings`).
    """
    seen: set[str] = set()
    kept = []
    for each in every:
        opens = {*openings(each.summary), *openings(each.description)}
        if not opens & seen:
            kept.append(each)
        seen |= opens
    return kept


def sentences(text: str) -> list[str]:
    """A text, cut where a sentence seems to end and another to begin."""
    return ENDS.split(text)


def _prose(text: str) -> Iterator[str]:
    """The sentences of some paragraphs, as far as nothing else comes between."""
    for paragraph in re.split(r"\n\s*\n", text):
        every = sentences(paragraph.rstrip())
        good = list(takewhile(_is_sentence, every))
        yield from map(_plain, good)
        if len(good) < len(every):
            return


def _is_sentence(text: str) -> bool:
    return bool(SENTENCE.fullmatch(text)) and not NO_SENTENCE.search(text)


def _plain(text: str) -> str:
    """In one line, without backticks."""
    return " ".join(text.replace("`", "").split())


def _defined(node: ast.Module | Defined) -> Iterator[Defined]:
    """Functions and classes, and those within."""
    for child in node.body:
        if isinstance(child, Defined):
            yield child
            yield from _defined(child)
