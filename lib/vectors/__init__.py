"""Word vectors: words met in the same company end up alike.

===============  =========================================================
file             idea
===============  =========================================================
skip_gram.py     a word predicts its neighbors, against negative samples
neighbors.py     what lies near what, and a map of it
whole_texts.py   all pairs of a text at once
===============  =========================================================
"""

from lib.vectors.neighbors import (
    co_occurrence,
    cosines,
    finds_its_group,
    flatten_to_map,
    nearest,
)
from lib.vectors.skip_gram import (
    SkipGram,
    frequency_scores,
    negative_chances,
    negative_sampling,
    negative_sampling_loss,
    negative_sampling_of_texts,
    sample_negatives,
    skip_grams,
    thin,
)

__all__ = [
    "SkipGram",
    "co_occurrence",
    "cosines",
    "finds_its_group",
    "flatten_to_map",
    "frequency_scores",
    "nearest",
    "negative_chances",
    "negative_sampling",
    "negative_sampling_loss",
    "negative_sampling_of_texts",
    "sample_negatives",
    "skip_grams",
    "thin",
]
