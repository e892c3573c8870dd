"""The masked stage on tiny texts: it starts with the word vectors and learns more."""

import torch

from benchmarks import pretrain_review_encoder, stages
from lib.tokens.word_tokenizer import SPECIAL

FIRST = len(SPECIAL)
TEXTS = [[FIRST + (a + b) % 8 for b in range(12 + a % 5)] for a in range(40)]
SHARES = torch.tensor([0.0] * FIRST + [0.125] * 8)


def test_the_masked_stage_lowers_its_loss(tmp_path, monkeypatch):
    settings = {"steps": 60, "batch": 8, "time": 10, "samples": 16, "lr": 0.02}
    monkeypatch.setattr(pretrain_review_encoder, "WIDTH", 16)
    monkeypatch.setattr(stages, "MASKED", stages.MASKED | settings)
    table = torch.randn(11, 16)
    before = stages.held_out_loss(pretrain_review_encoder.make_body(11, table), TEXTS)
    model, about = stages.learn_masked(table, TEXTS, TEXTS, SHARES, tmp_path)
    assert about["held_out_loss"] == stages.held_out_loss(model, TEXTS) < before
    assert model.unembed.weight is model.embed.tokens.weight
    assert model.embed.tokens.weight.equal(table)  # lr_words is 0
