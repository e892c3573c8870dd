"""Docstrings: a summary, the sentences after it, and nothing else; no copies."""

import sys
from collections import Counter

import pytest

from lib.data.docstrings import (
    Docstring,
    divide,
    docstrings,
    read,
    sentences,
    without_copies,
)
from lib.data.wheels import CorpusError

SAID = "It goes up by one each time, and it never goes down."


@pytest.mark.parametrize(
    "docstring, description",
    [
        (f"Count what is there.\n\n{SAID}", SAID),
        (f"Count what\nis there.\n\n{SAID}\n{SAID}", f"{SAID} {SAID}"),
        (f"Count what is there.\n\nExplanation\n===========\n\n{SAID}", SAID),
        (f"Count what is there.\n\nNotes\n-----\n{SAID}\n\n{SAID}", f"{SAID} {SAID}"),
        (f"Count what is there.\n\n{SAID}\n\nExamples\n========\n\n{SAID}", SAID),
        (f"Count what is there.\n\n{SAID}\n\nArgs:\n    n: How many.\n\n{SAID}", SAID),
        (f"Count what is there.\n\n{SAID} It is:\n\n>>> 1\n\n{SAID}", SAID),
        (f"Count what is there.\n\n{SAID} See\n\n{SAID}", SAID),
        (f"Count what is there.\n\n{SAID} Then $x = 1$. {SAID}", SAID),
        (f"Count what is there.\n\n{SAID}\n\n- First.\n\n{SAID}", SAID),
        (f"Count what is there.\n\n{SAID}\n:return: None.", None),
        (f"Count what is there.\n\n:param n: {SAID}", None),
        ("Count what is there.\n\nIt counts.", None),
        ("Count what is there.", None),
        (f"Count.\n\n{SAID}", None),
        (f"{'Count what is there ' * 7}\n\n{SAID}", None),
        (f"Count x = 1 of them.\n\n{SAID}", None),
        ("", None),
    ],
)
def test_a_docstring_is_divided(docstring, description):
    found = None if description is None else ("Count what is there.", description)
    assert divide(docstring) == found


def test_marks_of_markup_are_taken_off():
    text = "Calls ``f(x)``, or :py:func:`~a.b.g`, of :class:`the list <a.C>` as given."
    expected = "Calls f(x), or a.b.g, of the list as given."
    assert divide(f"Call it or `not`.\n\n{text}") == ("Call it or not.", expected)


def test_sentences_end_where_another_begins():
    text = "It is one, e.g. One of them. (It is `two`.) Is it 3? No, by A. Miller."
    assert sentences(text) == [
        "It is one, e.g. One of them.",
        "(It is `two`.) Is it 3?",
        "No, by A. Miller.",
    ]


SOURCE = f'''
raise SystemExit("run")
class Counter:
    """Count what is there.

    {SAID}
    """
    def __len__(self):
        """Count what is here.

        {SAID}
        """
    async def next_one(self):
        """Count one of them more.

        {SAID}
        """
        def within():
            "Count what\\is in it.\\n\\n{SAID}"
'''


def test_a_file_is_read_and_not_run():
    assert list(read(SOURCE, "p")) == [
        Docstring("Counter", SAID, "Count what is there.", "p"),
        Docstring("next_one", SAID, "Count one of them more.", "p"),
    ]
    with pytest.raises(SyntaxError):
        list(read("def"))


def test_of_copies_the_first_is_kept():
    def entry(summary, description):
        return Docstring("f", description, summary, "p")

    long = "one two three four five six seven eight nine ten eleven twelve"
    first = entry("Count them.", f"It counts. And {long} to the end.")
    every = [
        first,
        entry("count, them!", "Another text."),
        entry("Another line.", f"And {long} too."),
        entry("A third line.", "It counts."),  # short sentences may occur twice
    ]
    assert without_copies(every) == [first, every[3]]


@pytest.fixture(scope="module")
def real():
    try:
        return docstrings()
    except CorpusError as error:
        if "could not fetch" not in str(error):
            raise
        pytest.skip(f"no docstrings here: {str(error).splitlines()[0]}")


@pytest.mark.processes
def test_the_docstrings_of_six_packages(real):
    assert Counter(each.package for each in real) == {
        "sympy": 1_200,
        "networkx": 572,
        "transformers": 121,
        "keras": 567,
        "xarray": 308,
        "nltk": 230,
    }
    assert len(real) == 2_998
    assert sum(len(e.summary) + len(e.description) for e in real) == 772_580
    assert not {"keras", "xarray"} & sys.modules.keys()  # nothing was imported
    for each in real:
        for text in (each.name, each.summary, each.description):
            assert text == " ".join(text.split()) and "`" not in text
        assert len(each.summary.split()) >= 3 and len(each.summary) <= 120
        assert len(each.description.split()) >= 8
    assert len({each.summary for each in real}) == len(real)
    assert len({each.description for each in real}) == len(real)
    (one,) = [each for each in real if each.name == "is_hermitian"]
    assert one.summary == "Checks if the matrix is Hermitian."
    assert one.description.startswith("In a Hermitian matrix element i,j is")
