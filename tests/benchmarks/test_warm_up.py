"""Warm-up of one group of weights: the others are not slowed down."""

from functools import partial

import pytest
import torch

from benchmarks import plays, warm_up
from lib import train
from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.tokens.tokenizer import CharacterTokenizer

CONFIG = GPTConfig(7, 8, width=8, layers=2, heads=2, init_std=0.5)
IDS = torch.arange(200) % 7
RULES = "muon", "adamw"


class Rates(train.Callback):
    """Notes the rate of each rule after every step."""

    def start(self, run):
        self.noted = {rule: [] for rule in RULES}

    def after_step(self, run):
        for group in run.optimizer.param_groups:
            self.noted[group["rule"]].append(group["lr"])


def trained(rules=(), steps=0):
    torch.manual_seed(0)
    model, rates = GPT(CONFIG), Rates()
    train.train(
        model,
        train.muon(model),
        train.windows(IDS, 2, 8),
        10,
        schedule=partial(train.warm_up_stable_decay, warm_up=steps),
        callbacks=[*(warm_up.WarmUp(rule, 4) for rule in rules), rates],
    )
    return torch.cat([weight.flatten() for weight in model.parameters()]), rates.noted


@pytest.mark.parametrize("rule, other", [RULES, RULES[::-1]])
def test_one_group_climbs_and_the_other_does_not(rule, other):
    plain, climbing = trained()[1], trained(steps=4)[1]
    noted = trained([rule])[1]
    assert noted[rule] == pytest.approx(climbing[rule])
    assert noted[other] == pytest.approx(plain[other]) != pytest.approx(climbing[other])


def test_both_groups_together_are_the_warm_up_of_the_schedule():
    weights = trained(RULES)[0]
    assert weights.allclose(trained(steps=4)[0], atol=1e-6)
    assert not weights.allclose(trained()[0], atol=1e-3)


def test_each_group_is_measured_with_each_seed(monkeypatch):
    text = "so it is, and so it was. " * 40
    characters = CharacterTokenizer(text)
    ids = torch.tensor(characters.encode(text))
    some = plays.Plays(text, ids, ids, characters)
    monkeypatch.setattr(warm_up, "SMALL", CONFIG)
    monkeypatch.setattr(warm_up, "STEPS", 3)
    monkeypatch.setattr(warm_up, "TIME", 8)
    monkeypatch.setattr(warm_up, "SEEDS", (0, 1))
    found = warm_up.one_group(some)
    assert found.keys() == warm_up.ONE_GROUP.keys()
    losses = [loss for each in found.values() for loss in each]
    assert len(set(losses)) == 4 and all(0 < loss < 4 for loss in losses)
