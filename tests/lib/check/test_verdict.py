"""How a checker judges: what is open, and how an error is told."""

import pytest

from lib import check


@pytest.mark.parametrize(
    "name, answer",
    [
        ("pairs", {"an": ..., "ba": 3}),
        ("surprise", (..., 4.0)),
        ("row", [0.1, ...]),
        ("adam", lambda *_: (..., ..., ...)),
        ("join", lambda x: None),
    ],
)
def test_a_part_left_open_is_not_done_yet(name, answer):
    assert getattr(check, name)(answer).open


@pytest.mark.parametrize(
    "error, says",
    [
        (AssertionError(), "it stops with AssertionError."),
        (TypeError("`x` is <class 'int'>:\n  a list"), "(`'x' is <class 'int'>`)."),
        (
            ValueError("\n\n wrong shape. \n"),
            "it stops with ValueError (`wrong shape`).",
        ),
    ],
)
def test_an_error_is_told_in_one_sentence(error, says):
    def stops(_):
        raise error

    assert check.join(stops).says.endswith(says)
