"""ROUGE: how much of a reference summary another one has, and how much else.

Words in capitals or not are the same, punctuation does not count, and an inflected form
is another word. It says nothing of what is true: "is not" for "is" costs little.
"""

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer


def rouge_l(reference: str, text: str) -> float:
    """ROUGE-L of a text: 1 for the reference's words in its order, 0 for none of them.

    The longest common subsequence is the most words that both have in this order, with
    others between them or not. Its share of the text (precision) and of the reference
    (recall) are brought together as F1. A text without a word scores 0.

    Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section
    3.1, as the package rouge-score counts it.
    """
    return float(_scorer().score(reference, text)["rougeL"].fmeasure)


@cache
def _scorer() -> "RougeScorer":
    from rouge_score import rouge_scorer  # takes a second, so only here

    # absl logs to the `sys.stderr` that it finds when it is imported, and closes that
    # when logging is set up anew; in a notebook or a test it is somebody else's.
    handler = rouge_scorer.logging.get_absl_handler()
    handler.python_handler.setStream(sys.__stderr__)
    return rouge_scorer.RougeScorer(["rougeL"])
