"""The recipe of the pretrained body: on tiny texts it learns, stops and goes on."""

import pytest
import torch

from benchmarks import pretrain_review_encoder as recipe
from lib import vectors
from lib.tokens.word_tokenizer import SPECIAL

FIRST = len(SPECIAL)
TEXTS = [[FIRST + (a + b) % 8 for b in range(12 + a % 5)] for a in range(40)]
CHANCES = torch.tensor([0.0] * FIRST + [0.125] * 8)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    words = {
        "steps": 30,
        "batch": 8,
        "window": 1,
        "shared": 6,
        "threshold": 0.1,
        "lr": 0.3,
    }
    monkeypatch.setattr(recipe, "WIDTH", 16)
    monkeypatch.setattr(recipe, "EVERY", 10)
    monkeypatch.setattr(recipe, "WORDS", recipe.WORDS | words)


def test_words_learn_their_neighbors(tmp_path, monkeypatch):
    settings = {"steps": 300, "lr": 0.1, "threshold": 10.0}  # no word left out
    monkeypatch.setattr(recipe, "WORDS", recipe.WORDS | settings)
    model, about = recipe.learn_words(TEXTS, CHANCES, tmp_path)
    table = model.word.weight.detach()
    assert about["losses"][-1] < about["losses"][0] and about["tokens"] > 1000
    assert len(table) == 11 and table[FIRST:].abs().min(dim=1).values.all()
    alike = vectors.cosines(table[FIRST:], table[FIRST:])
    by_distance = [alike.roll(-far, 1).diagonal().mean() for far in range(5)]
    assert by_distance[2] > by_distance[1]  # words two apart share a neighbor


def test_the_held_out_loss_is_of_other_texts_and_falls(tmp_path):
    other = [[FIRST + (a + b + 3) % 8 for b in range(12)] for a in range(20)]
    torch.manual_seed(0)
    before = recipe.held_out_loss(vectors.SkipGram(11, 16), other, CHANCES)
    model, _ = recipe.learn_words(TEXTS, CHANCES, tmp_path)
    after = recipe.held_out_loss(model, other, CHANCES)
    assert after < before - 0.1
    assert after == recipe.held_out_loss(model, other, CHANCES)


def test_the_body_starts_with_them_and_a_silent_block():
    table = torch.randn(11, 16)
    body = recipe.make_body(11, table)
    ids = torch.tensor([TEXTS[0]])
    assert body.vectors(ids).equal(body.norm(table[ids]))


def test_a_stopped_run_goes_on_and_ends_alike(tmp_path, monkeypatch):
    whole, _ = recipe.learn_words(TEXTS, CHANCES, tmp_path / "whole")
    calls = []
    loss = vectors.negative_sampling_of_texts

    def breaking(*args, **options):
        calls.append(0)
        if len(calls) == 15:
            raise KeyboardInterrupt
        return loss(*args, **options)

    breaking.__name__ = loss.__name__
    monkeypatch.setattr(vectors, "negative_sampling_of_texts", breaking)
    with pytest.raises(SystemExit, match="stopped at step 14 of 30: run it again"):
        recipe.learn_words(TEXTS, CHANCES, tmp_path / "parts")
    again, _ = recipe.learn_words(TEXTS, CHANCES, tmp_path / "parts")
    assert again.word.weight.equal(whole.word.weight)
