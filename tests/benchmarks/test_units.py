"""What transfers: every way to pretrain gives vectors; averages leave padding out."""

import pytest
import torch

from benchmarks import units
from lib.data import reviews
from lib.data.corpora import Review
from lib.vectors.whole_texts import word_shares

GOOD = "a lovely film with lovely people and a fine story "
BAD = "a dull film with dull people and a poor story "
SPLIT = reviews.Split(
    [Review((BAD, GOOD)[n % 2] * (1 + n % 3), n % 2 == 1, "imdb") for n in range(40)],
    [Review((BAD, GOOD)[n % 2], n % 2 == 1, "imdb") for n in range(10)],
    [],
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(units, "NEAR", {"steps": 20, "batch": 8})
    monkeypatch.setattr(units, "NEXT", {"subwords": 5, "words": 5})
    monkeypatch.setattr(units, "SUBWORDS", 270)
    monkeypatch.setattr(units, "WIDTH", 16)
    monkeypatch.setattr(units, "LABELS", (10,))


@pytest.mark.parametrize("kind", ["words", "subwords"])
@pytest.mark.parametrize("learn", [units.near_by, units.next_token])
def test_every_body_is_learned_and_measured(kind, learn):
    encode, vocab = units.encoders(SPLIT)[kind]
    texts = [encode(each.text) for each in SPLIT.training]
    assert max(map(max, texts)) < vocab
    body = learn(texts, vocab, kind)
    found = units.scores(encode, body, word_shares(texts, vocab), SPLIT)
    assert len(found["10"]) == 3 and min(found["10"]) > 0.9  # a single word tells


def test_averages_are_weighted_and_padding_is_no_word():
    table, shares = torch.randn(6, 4), torch.tensor([0.0, 0, 0, 0.5, 0.3, 0.2])
    found = units.averaged([[3, 4], [3, 4, 5, 5]], lambda ids: table[ids], shares)
    weights = units.RARE / (units.RARE + shares)
    for row, ids in zip(found, ([3, 4], [3, 4, 5, 5]), strict=True):
        expected = (weights[ids] @ table[ids]) / weights[ids].sum()
        torch.testing.assert_close(row, expected)
