"""The comparison with gensim on tiny texts: both learn, and gensim's rows are ours."""

import pytest
import torch

from benchmarks import word_vectors
from lib import vectors
from lib.data.corpora import Review
from lib.data.reviews import Split
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer

FIRST = len(SPECIAL)
GROUPS = ["good", "great", "fine"], ["bad", "awful", "poor"]
WORDS = WordTokenizer([word for group in GROUPS for word in group])
TEXTS = [
    [1, *(FIRST + 3 * (n % 2) + (n // 2 + step) % 3 for step in range(9))]
    for n in range(400)
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    settings = {"window": 2, "threshold": 10.0, "steps": 100}
    for name, value in settings.items():
        monkeypatch.setitem(word_vectors.WORDS, name, value)


def test_both_put_words_of_the_same_company_together():
    for learn in (
        lambda: word_vectors.ours(TEXTS, len(WORDS)),
        lambda: word_vectors.by_gensim(TEXTS, len(WORDS), 0.05, 20),
    ):
        table = learn()
        assert table.shape == (len(WORDS), word_vectors.WIDTH)
        alike = vectors.cosines(table[FIRST:], table[FIRST:])
        assert alike[:3, :3].min() > alike[:3, 3:].max()
    assert not table[:FIRST].any()  # gensim never saw the special ones


def test_good_vectors_tell_reviews_apart(monkeypatch):
    monkeypatch.setattr(word_vectors, "LABELS", (8, None))
    table = torch.zeros(len(WORDS), 4)
    table[FIRST:, 0] = torch.tensor([1.0, 1, 1, -1, -1, -1])
    pool = [Review(GROUPS[n % 2][n % 3], n % 2 == 0, "") for n in range(60)]
    split = Split(pool[:40], pool[40:], [])
    found = word_vectors.accuracies(table, WORDS, split)
    assert found == {"8": [1.0, 1.0, 1.0], "all": [1.0]}
    flipped = split._replace(
        validation=[each._replace(positive=not each.positive) for each in pool[40:]]
    )
    assert word_vectors.accuracies(table, WORDS, flipped)["all"] == [0.0]


def test_neighbors_are_named(monkeypatch):
    monkeypatch.setattr(word_vectors, "ASKED", ("awful", "alien"))
    table = torch.eye(len(WORDS), 8)
    table[WORDS.ids["poor"]] = table[WORDS.ids["awful"]]
    (found,) = word_vectors.neighbors(table, WORDS).values()
    assert found[0] == "poor" and len(found) == 5


def test_targets_compare_with_the_better_of_gensims():
    def row(seconds, accuracy):
        return {"processor_seconds": seconds, "accuracy": {"100": accuracy}}

    methods = {
        "ours": row(30, [0.7, 0.8]),
        "gensim, slow": row(40, [0.8, 0.8]),
        "gensim, fast": row(20, [0.6, 0.6]),
    }
    time, quality = word_vectors.targets({"methods": methods})
    assert time.figure == pytest.approx(1.5) and quality.figure == pytest.approx(5)
