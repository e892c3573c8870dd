"""Many tasks: the runs see what they should, go on where they were, and are stored."""

import json
from copy import deepcopy
from dataclasses import replace
from functools import wraps

import pytest
import torch

from benchmarks import instructions as script
from benchmarks.pretrain_review_gpt import CONFIG, SPECIAL
from lib.hub import pretrained
from lib.hub.pretrained import PretrainedGPT, load_gpt
from lib.instruct.tasks import find_task
from lib.instruct.tasks.task import USUAL
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer

TOKENIZER = BytePairTokenizer.train("Where is Emma? In the kitchen. " * 9, 320, SPECIAL)
TINY = replace(CONFIG, vocab=len(TOKENIZER), width=16, layers=1, heads=2, hidden=16)
SEVERAL = ["yes_no", "python", "arithmetic"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    torch.manual_seed(7)
    reviewed = GPT(TINY).eval()
    real = pretrained.load_gpt

    def load(name, *folder):
        if name != "review_gpt":
            return real(name, *folder)
        return PretrainedGPT(deepcopy(reviewed), TOKENIZER, {"sha256": "of reviews"})

    monkeypatch.setattr(pretrained, "load_gpt", load)
    for name, value in {
        "TASKS": SEVERAL,
        "FEW": ("yes_no",),
        "EACH": {"long": 9, "mixed": 12},
        "TIME": 512,
        "ROWS": {"long": 1, "mixed": 1, "alone": 1},
        "EVERY": 2,
        "LONGEST": 4,
        "QUESTIONS": {USUAL: 4, "new wording": 2},
    }.items():
        monkeypatch.setattr(script, name, value)


def test_a_run_alone_has_the_first_examples_of_the_mixed_one():
    tasks = [find_task(name) for name in SEVERAL]
    mixed = list(script.to_learn(tasks, 1))
    assert len(mixed) == 12 * 5
    for task in tasks:
        alone = list(script.to_learn([task], 1))
        assert len(alone) == (36 if task.name == "yes_no" else 12)
        among = [each for each in mixed if each.task == task.name]
        both = min(len(among), len(alone))
        assert both > len(alone) / 2 and among[:both] == alone[:both]
    longer = list(script.to_learn(tasks, 1, "long"))
    assert len(longer) == 9 * (6 + 1 + 1)


def test_a_mixed_run_begins_with_stories_that_do_not_come_again(monkeypatch, tmp_path):
    monkeypatch.setattr(script, "BEGIN", 60)
    monkeypatch.setattr(script, "TASKS", ["python", "one_fact", "everybody"])
    monkeypatch.setattr(script, "EACH", {"long": 9, "mixed": 30})
    tasks = script.tasks_of("mixed")
    first = list(script.to_begin(tasks, 0))
    assert len(first) == 60
    assert 30 < sum(each.task == "everybody" for each in first) < 50
    assert {each.task for each in first} == {"everybody", "one_fact"}
    assert not {*first} & {*script.to_learn(tasks, 0)}
    for alone in tasks:
        assert not list(script.to_begin([alone], 0))
    seen = []
    monkeypatch.setattr(script, "learn", lambda _, found, *__: seen.append(found))
    with pytest.raises(AttributeError):  # there is no history
        script.trained("mixed/random/0", tmp_path)
    _, tokenizer = script.start("random", 0)
    start = script.Template(tokenizer).lesson(script.conversation(first[0]), 512)
    ids, *_ = seen[0][0]
    assert ids[0, : len(start.ids)].equal(start.ids)


def test_each_variant_is_asked_of_the_tasks_that_have_it(monkeypatch):
    monkeypatch.setattr(script, "QUESTIONS", {USUAL: 7, "new wording": 3})
    tasks = [find_task(name) for name in ("extraction", "arithmetic_unaided", "shift")]
    found = {v: (many, len(some)) for v, many, some in script.by_variant(tasks)}
    assert found[USUAL] == (7, 3)
    assert found["new wording"] == (3, 2) and found["new names"] == (3, 1)


def test_a_run_is_made_once_and_goes_on_where_it_was(tmp_path, monkeypatch):
    key = "mixed/random/0"
    whole, counted = script.trained(key, tmp_path / "whole")
    assert counted["steps"] == len(counted["losses"]) > 3
    assert sum(counted["examples"].values()) == 60

    class Killed(Exception):
        pass

    taken = 0
    count = script.count_examples

    @wraps(count)  # a run goes on with the same settings alone
    def stop(batch):
        nonlocal taken
        taken += 1
        if taken == 3:
            raise Killed
        return count(batch)

    monkeypatch.setattr(script, "count_examples", stop)
    with pytest.raises(Killed):
        script.trained(key, tmp_path / "cut")
    monkeypatch.setattr(script, "count_examples", count)
    resumed, _ = script.trained(key, tmp_path / "cut")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert one.equal(other)


def test_starts_differ_and_seeds_draw_other_weights():
    def first(*asked):
        return next(script.start(*asked)[0].parameters())

    assert first("review_gpt", 0).equal(first("review_gpt", 1))
    assert first("random", 0).equal(first("random", 0))
    assert not first("random", 0).equal(first("random", 1))
    assert not first("random", 0).equal(first("review_gpt", 0))


def test_the_model_of_the_hub_is_that_of_the_long_run(tmp_path):
    key = "long/review_gpt/0"
    with pytest.raises(SystemExit, match="--part test first"):
        script.store(tmp_path, tmp_path / "hub")
    script.main(["--keep", str(tmp_path), "--runs", key])
    with pytest.raises(SystemExit, match="--part test first"):
        script.store(tmp_path, tmp_path / "hub")  # measured, but to choose by
    (chosen,) = tmp_path.glob("*.json")
    script.main(["--keep", str(tmp_path), "--runs", key, "--part", "test"])
    (path,) = {*tmp_path.glob("*.json")} - {chosen}
    found = json.loads(path.read_text())
    assert found["losses"] == json.loads(chosen.read_text())["losses"]
    assert set(found["scores"][USUAL]) == set(SEVERAL)
    script.store(tmp_path, tmp_path / "hub")
    stored = load_gpt("instruct", tmp_path / "hub")
    assert stored.card["started_from"] == "of reviews"
    assert stored.card["first_10"] == script.first(stored.model)
    assert stored.card["test_in_float32"] == found["scores"]
    model, _ = script.trained(key, tmp_path)
    for ours, theirs in zip(model.parameters(), stored.model.parameters(), strict=True):
        step = ours.abs().max() / 100  # it is stored in 8 bits
        assert torch.allclose(ours, theirs, atol=step.item())


def test_targets_by_hand():
    def run(**scores):
        return {"scores": {USUAL: {name: [s, 0, 9] for name, s in scores.items()}}}

    real = {"sentiment": 70.0, "summaries": 20.0}
    figures = {
        "baselines": {USUAL: {"summaries": {"lead-1": 18.0}}},
        "runs": {
            "long/review_gpt/0": run(yes_no=96.0, python=94.0, summaries=19.5),
            "mixed/review_gpt/0": run(yes_no=90.0, **real),
            "mixed/review_gpt/1": run(sentiment=66.0, summaries=21.0),
            "mixed/random/0": run(sentiment=65.0, summaries=25.0),
        },
    }
    found = {each.name.split(":")[0]: each for each in script.targets(figures)[:3]}
    assert found["tasks at 95 % or more"].figure == 1
    assert found["sentiment"].figure == 1.0 and found["sentiment"].met()
    assert found["summaries"].figure == -5.0 and not found["summaries"].met()
    assert script.targets(figures)[-1].figure == 1.5
