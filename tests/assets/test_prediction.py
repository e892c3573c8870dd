"""What the front page says of a typed line, held against what Python says of it."""

import json
from pathlib import Path

import pytest

from tools import front_page

ROOT = Path(__file__).parents[2]
STORED = json.loads((ROOT / "benchmarks/results/front_page.json").read_text())
SMALL = {
    "line": "a b\n",
    "expected": [" a", "ab", "ab"],
    "percents": ["70 9", "60 30", "88 1"],
    "came": "70 30 0",
    "weights": [[["100", "25 75", "0 1 99"], ["100", "50 50", "10 80 10"]]],
}
STATES = """async (figures) => {
  const { states } = await import("/_static/prediction.js");
  return states(figures);
}"""


def numbers(row: str) -> list[int]:
    return [int(each) for each in row.split()]


def as_the_worker_has_them(figures: dict) -> dict:
    """The same figures in lists, as they come from the model in the page."""
    return {
        "line": list(figures["line"]),
        "expected": [list(row) for row in figures["expected"]],
        "percents": [numbers(row) for row in figures["percents"]],
        "came": numbers(figures["came"]),
        "weights": [
            [[numbers(row) for row in head] for head in layer]
            for layer in figures["weights"]
        ],
    }


@pytest.mark.parametrize("figures", [STORED["figures"], SMALL], ids=["stored", "small"])
def test_the_page_says_what_python_says(figures, browser):
    found = browser.run(STATES, as_the_worker_has_them(figures))
    assert found == json.loads(json.dumps(front_page.states(figures)))


def test_after_the_last_letter_nothing_has_come_yet(browser):
    figures = as_the_worker_has_them(SMALL)
    figures["line"].pop()
    found = browser.run(STATES, figures)
    assert found["says"][-1] == "After “a b” the model predicts “a” (88\u00a0%)."
    assert found["guesses"][-1] == [
        ["a", 88, "other"],
        ["b", 1, "other"],
        ["", 0, "none"],
    ]
