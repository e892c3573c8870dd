"""The head's rate: it alone is slowed down, and what is stored is what was measured."""

import torch

from benchmarks import head_rate
from lib.data.corpora import Review
from lib.finetune import classifier, layers
from lib.model.encoder import Encoder
from tests.helpers.models import TINY

GOOD, BAD = "a wonderful film with fine actors ", "an awful film with poor actors "
TEXTS = [
    Review((BAD, GOOD)[n % 2] * (1 + n % 3), n % 2 == 1, "imdb") for n in range(20)
]


def test_only_the_head_is_slowed_down():
    model = classifier.Classifier(Encoder(TINY), 2)
    before = layers.layerwise_adamw(model, 0.1, 0.5).param_groups
    after = layers.layerwise_adamw(model, 0.1, 0.5)
    head_rate.slow_down_head(model, after, 0.1)
    head = {id(weight) for weight in model.head.parameters()}
    for one, other in zip(before, after.param_groups, strict=True):
        share = 0.1 if id(one["params"][0]) in head else 1.0
        assert other["lr"] == share * one["lr"]


def test_a_run_is_measured(monkeypatch):
    monkeypatch.setattr(head_rate, "STEPS", 8)
    torch.manual_seed(0)
    found = head_rate.tuned(1.0, 0, TEXTS, TEXTS[:6])
    assert 0 <= found["accuracy"] <= 1 and found["highest_loss"] > 0
