"""Easy first: places are counted where they stand, and runs differ in what they see."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from benchmarks import easy_first as script
from benchmarks.pretrain_review_gpt import CONFIG, SPECIAL
from lib.instruct.tasks.stories import everybody
from lib.instruct.tasks.task import VALIDATION
from lib.instruct.template import Template
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer

TOKENIZER = BytePairTokenizer.train("Ann bar. Tom is in the bar. " * 9, 300, SPECIAL)
TINY = replace(CONFIG, vocab=len(TOKENIZER), width=16, layers=1, heads=2, hidden=16)


def test_only_places_are_counted(monkeypatch):
    model = GPT(TINY)
    template = Template(TOKENIZER)
    monkeypatch.setattr(script, "TIME", 512)
    batches = script.packed(template, everybody(notes=False), VALIDATION, 6)
    wanted = [batch[1][batch[1] >= 0] for batch in batches]
    (place,) = TOKENIZER.encode(" bar")
    many = sum(int((each == place).sum()) for each in wanted)
    assert many > 1
    missed = 0

    def guess(_, batch):
        """All is right but the first place, and a token that is no place."""
        nonlocal missed
        true = batch[1][batch[1] >= 0].clone()
        (places,) = (true == place).nonzero(as_tuple=True)
        if not missed and len(places):
            true[places[0]] = 0
            missed = 1
        (others,) = (true != place).nonzero(as_tuple=True)
        true[others[-1]] = 1
        return F.one_hot(true, len(TOKENIZER)).float()

    monkeypatch.setattr(script, "answer_scores", guess)
    found = script.places_right(model, batches, [place])
    assert missed and found == round(1 - 1 / many, 4)


@pytest.mark.parametrize("name", script.RUNS)
def test_a_run_learns_what_it_says(name, monkeypatch):
    seen = []
    weights, notes = script.RUNS[name]

    def start(asked, seed):
        seen.append(asked)
        torch.manual_seed(seed)
        return GPT(TINY), TOKENIZER

    real = script.everybody

    def told(notes=True):
        seen.append(notes)
        return real(notes)

    monkeypatch.setattr(script, "start", start)
    monkeypatch.setattr(script, "everybody", told)
    for setting, value in {
        "STEPS": 4, "EVERY": 2, "TIME": 512, "WATCHED": 2, "MEASURED": 3, "ROWS": 1
    }.items():  # fmt: skip
        monkeypatch.setattr(script, setting, value)
    found = script.run(weights, notes, 0)
    assert seen == [weights, False, notes]
    assert [step for step, _ in found["curve"]] == [2, 4]
    assert 0 <= found["test"] <= 1


def test_targets_by_hand():
    def runs(*shares):
        return [{"test": share} for share in shares]

    ours, alone, unread = script.RUNS
    figures = {
        "runs": {ours: runs(0.95, 0.9), alone: runs(0.4, 0.91), unread: runs(0.3, 0.2)}
    }
    worst, above_alone, above_unread = script.targets(figures)
    assert worst.figure == pytest.approx(90) and worst.met()
    assert above_alone.figure == pytest.approx(-1) and not above_alone.met()
    assert above_unread.figure == pytest.approx(60) and above_unread.met()
