"""ROUGE-L: by hand, on cases that can be counted."""

import io

import pytest
from absl import logging

from lib.measure.rouge import _scorer, rouge_l


@pytest.mark.parametrize(
    "reference, text, precision, recall",
    [
        ("the cat sat", "the cat sat", 1, 1),
        ("The cat sat.", "the CAT, sat", 1, 1),
        ("the cat sat on the mat", "the cat lay on the mat", 5 / 6, 5 / 6),
        ("the cat sat", "sat the cat", 2 / 3, 2 / 3),  # the order counts
        ("the cat sat", "cat", 1, 1 / 3),
        ("a cat", "a cat and more words here", 2 / 6, 1),
        ("cats", "cat", 0, 0),  # an inflected form is another word
        ("the cat", "", 0, 0),
        ("the cat", "...", 0, 0),
    ],
)
def test_words_in_common_in_order(reference, text, precision, recall):
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0
    assert rouge_l(reference, text) == pytest.approx(f1)


def test_what_errors_are_written_to_stays_open():
    """As in a notebook: it was `sys.stderr` when absl was imported, and is no more."""
    replaced = io.StringIO()
    logging.get_absl_handler().python_handler.setStream(replaced)
    _scorer.cache_clear()
    assert rouge_l("the cat", "the cat") == 1
    logging.get_absl_handler().close()  # as `logging.config` does to all handlers
    assert not replaced.closed
