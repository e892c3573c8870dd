"""Few labels for a GPT: it learns, with and without a question; the rest is kept."""

import json
from argparse import Namespace
from dataclasses import replace

import pytest
import torch

from benchmarks import gpt_labels
from benchmarks.pretrain_review_gpt import CONFIG, SPECIAL
from lib.data.corpora import Review
from lib.data.reviews import Split
from lib.hub.pretrained import load_gpt, save_pretrained
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer

TOKENIZER = BytePairTokenizer.train("good film, bad film, so it is " * 5, 310, SPECIAL)


def some(many, first=0):
    return [
        Review(f"film {'good' if n % 2 else 'bad'}{' so' * (n % 3)}", n % 2 == 1, "")
        for n in range(first, first + many)
    ]


@pytest.fixture
def asked(monkeypatch, tmp_path):
    torch.manual_seed(0)
    config = replace(CONFIG, vocab=len(TOKENIZER), width=16, layers=1, heads=2)
    model = GPT(replace(config, hidden=16, init_std=0.3, zero_output=False))
    save_pretrained("review_gpt", model, TOKENIZER, {}, tmp_path / "hub")
    monkeypatch.setattr(gpt_labels, "ANSWERS", (["bad"], ["good"]))
    monkeypatch.setattr(gpt_labels, "LABELS", (8, None))
    monkeypatch.setattr(gpt_labels, "SEEDS", (0, 1))
    monkeypatch.setattr(gpt_labels, "STEPS", {8: 30, None: 30})
    monkeypatch.setattr(gpt_labels, "RATE", 0.02)
    return Namespace(
        hub=tmp_path / "hub",
        keep=tmp_path / "keep",
        device="cpu",
        labels=["8", "all"],
        ways=["asked", "plain"],
    )


@pytest.mark.parametrize("way", gpt_labels.QUESTIONS)
def test_it_learns(asked, way):
    found = gpt_labels.run(asked, some(24), some(9, 100), way, None, 0)
    assert found["accuracy"] == 1


@pytest.mark.parametrize("way", gpt_labels.QUESTIONS)
def test_the_control_alone_has_random_weights_and_one_rate(asked, way, monkeypatch):
    seen = []

    def look(model, optimizer, *_, **__):
        stored = load_gpt("review_gpt", asked.hub).model.state_dict()
        found = model.body.state_dict()
        same = all(torch.equal(found[name], stored[name]) for name in stored)
        assert found.keys() == stored.keys()
        assert bool(model.head.weight.any()) == (way == "words")
        seen.append((same, len({group["lr"] for group in optimizer.param_groups})))

    monkeypatch.setattr(gpt_labels.train, "train", look)
    gpt_labels.run(asked, some(24), some(9, 100), way, None, 0)
    assert seen == [(False, 1) if way == "scratch" else (True, 3)]


def test_of_a_long_review_the_end_is_read_and_the_question_whole(monkeypatch):
    monkeypatch.setattr(gpt_labels, "LONGEST", 8)
    long = Review("good " * 20 + "so bad", False, "")
    ((ids,), labels) = gpt_labels.encode([long], TOKENIZER, " it is")
    text = TOKENIZER.decode(ids)
    assert len(ids) == 8 and labels == [0]
    assert text.endswith("so bad it is") and (long.text + " it is").endswith(text)


def test_runs_are_made_once(asked, monkeypatch):
    made = []

    def count(*told):
        made.append(told)
        return {"accuracy": len(made), "seconds": 0}

    monkeypatch.setattr(gpt_labels, "run", count)
    split = Split(some(24), [], some(6, 100))
    found = gpt_labels.fill(asked, split, [1])
    assert len(made) == 2 * 2 * 2
    assert [told[3] for told in made[:4]] == ["asked"] * 2 + ["plain"] * 2
    for _, learned, measured, _, labels, _ in made:
        assert len(learned) == (labels or 24) and measured == split.test
    assert gpt_labels.fill(asked, split, [1]) == found and len(made) == 8
    gpt_labels.fill(asked, split, [2])
    assert len(made) == 16
    assert json.dumps(found["plain"]["all"][1]) == '{"accuracy": 8, "seconds": 0}'
    asked.labels, asked.ways = ["8"], ["scratch"]
    assert gpt_labels.fill(asked, split, [1]).keys() == {"scratch"} and len(made) == 18
    assert {told[3] for told in made[16:]} == {"scratch"}


def test_a_part_has_the_targets_that_it_can_have():
    def runs(*accuracies):
        return [{"accuracy": each} for each in accuracies]

    figures = {"beside": {"layerwise": {"100": 0.8, "500": 0.9}}}
    figures["runs"] = {"words": {"100": runs(0.7, 0.8)}}
    (target,) = gpt_labels.targets(figures)
    assert str(target) == (
        "100 labels: above word vectors: -5 points (target at least 0)"
    )
    figures["runs"]["scratch"] = {"100": runs(0.5, 0.6), "500": runs(0.6)}
    _, target = gpt_labels.targets(figures)
    assert target.name == "100 labels: above the same from scratch"
    assert target.met() and abs(target.figure - 20) < 1e-9
    figures["runs"].pop("words")
    assert gpt_labels.targets(figures) == []
