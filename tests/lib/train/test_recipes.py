"""The book's recipe: its choices, in the place where all who use it find them."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from lib import train
from lib.model.config import SMALL
from lib.model.gpt import GPT

TEXT = torch.arange(400) % 7
TINY = replace(SMALL, vocab=7, context=8, width=16, layers=1, heads=2, hidden=16)


def model():
    torch.manual_seed(0)
    return GPT(TINY)


def test_it_is_what_its_lines_say():
    ours, theirs = model(), model()
    history = train.short_run(ours, TEXT, steps=10, batch=3, seed=4)
    batches = train.windows(TEXT, batch=3, time=8, seed=4)
    falling = partial(train.warm_up_stable_decay, warm_up=0, decay=0.6)
    optimizer = train.muon(theirs, lr=0.02, adam_lr=0.03)
    same = train.train(theirs, optimizer, batches, 10, schedule=falling)
    assert history.losses == same.losses
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


def test_the_rate_is_whole_from_the_first_step_and_falls_to_nothing():
    history = train.short_run(model(), TEXT, steps=10)
    assert history.rates[:5] == [1.0] * 5
    assert history.rates[-1] == pytest.approx(1 / 6)
    assert history.tokens == 10 * 12 * TINY.context


def test_it_learns_and_calls_back():
    seen = train.Every(20, lambda run: run.step)
    history = train.short_run(model(), TEXT, steps=40, callbacks=[seen])
    assert seen.results == [(20, 20), (40, 40)]
    assert history.losses[-1] < 0.2 < history.losses[0]


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="9 tokens, got 8"):
        train.short_run(model(), TEXT[:8])
