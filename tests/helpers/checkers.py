"""What a checker says of an answer: right, wrong and why, or not done yet."""

import re

import pytest
from markdown_it import MarkdownIt

from lib import check


def assert_right(name, answer):
    """The answer passes."""
    verdict = getattr(check, name)(answer)
    assert verdict and repr(verdict) == "Correct.", verdict.says


def assert_wrong(name, answer, says):
    """The answer does not pass; one sentence, in which `says` is found, tells why."""
    verdict = getattr(check, name)(answer)
    assert not verdict
    assert verdict.says.startswith("Not yet: ")
    assert re.search(says, verdict.says), verdict.says
    assert verdict._repr_markdown_() == verdict.says
    assert verdict.says[-1] in ".?" and not re.search(r"[.!?]\s", verdict.says)
    assert not re.search("<(em|strong|a|h.|li)", MarkdownIt().render(verdict.says))


def assert_not_done(name, right):
    """Dots in place of an answer, or given by a function, are not done yet."""
    verdict = getattr(check, name)((lambda *_: ...) if callable(right) else ...)
    assert not verdict and verdict.open and verdict.says.startswith("Not done yet")


def assert_complete(chapter, right, wrong):
    """Each exercise has a right answer, and wrong ones that get three answers."""
    names = list(check.progress(chapter).states())
    assert list(right) == names
    for name in names:
        answers = [answer for exercise, answer, _ in wrong if exercise == name]
        assert len({getattr(check, name)(answer).says for answer in answers}) >= 3


def exercise_tests(chapter, right, wrong):
    """The four tests of a chapter's checkers, from right and wrong answers to each.

    `right` has an answer for each exercise, `wrong` the exercise, an answer, and what
    must be said of it.
    """

    @pytest.mark.parametrize("name", right)
    def right_passes(name):
        assert_right(name, right[name])

    @pytest.mark.parametrize("name, answer, says", wrong)
    def wrong_is_told_why(name, answer, says):
        assert_wrong(name, answer, says)

    @pytest.mark.parametrize("name", right)
    def not_done_says_so(name):
        assert_not_done(name, right[name])

    def all_have_answers():
        assert_complete(chapter, right, wrong)

    return right_passes, wrong_is_told_why, not_done_says_so, all_have_answers
