"""Progress: what the checkers of a chapter said last, in the chapter's order."""

import re
from pathlib import Path

import nbformat
import pytest

from lib import check
from lib.check.verdict import EXERCISES, Verdict
from tools.address import notebooks

ROOT = Path(__file__).parents[3]


def right_join(x):
    return x.transpose(1, 2).flatten(2)


def right_softmax(scores, temperature):
    return (scores / temperature).softmax(-1)


@pytest.fixture
def nothing_answered(monkeypatch):
    """A kernel in which no checker has been called."""
    for chapter in EXERCISES.values():
        for name in chapter:
            monkeypatch.setitem(chapter, name, None)


def test_progress_shows_what_was_said_last(nothing_answered):
    assert set(check.progress(3).states().values()) == {"open"}
    assert repr(check.progress(3)).startswith(
        "None of the 5 exercises is done yet. Fill one in, run its cell, and then"
    )
    check.softmax(lambda scores, temperature: scores)
    check.attention(lambda *_: ...)
    check.join(right_join)
    states = ["open", "not right yet", "open", "right", "open"]
    assert list(check.progress(3).states().values()) == states
    check.softmax(right_softmax)
    said = repr(check.progress(3))
    assert said.startswith(
        "2 of 5 exercises are right.\n\n1. `row`: open\n2. `softmax`"
    )
    assert check.progress(3)._repr_markdown_() == said
    assert set(check.progress(4).states().values()) == {"open"}
    answered = EXERCISES["lib.check.chapter_03"]
    answered.update(dict.fromkeys(answered, Verdict(True, "Correct.")))
    assert repr(check.progress(3)).startswith("All 5 exercises are right.\n\n1. `row`")


def test_progress_keeps_what_was_said_when_it_was_asked(nothing_answered):
    before = check.progress(3)
    check.join(right_join)
    assert before.states()["join"] == "open"


def test_a_chapter_without_exercises_has_no_progress():
    with pytest.raises(ValueError, match="chapter is 99, expected one of 1, 2, 3"):
        check.progress(99)


def test_progress_lists_the_exercises_of_the_chapter_in_its_order():
    for path in notebooks(ROOT):
        cells = nbformat.read(path, as_version=4).cells
        asked = [
            re.search(r"^check\.(\w+)\(", cell.source, re.M)[1]
            for cell in cells
            if "exercise" in cell.metadata.get("tags", [])
        ]
        if asked:  # "Before you start" has none
            assert list(check.progress(int(path.name[:2])).states()) == asked, path


def test_every_exercise_belongs_to_a_chapter():
    listed = [name for exercises in EXERCISES.values() for name in exercises]
    assert sorted(listed) == sorted(set(check.__all__) - {"progress"})
