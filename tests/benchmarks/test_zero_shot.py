"""Zero-shot: bounds and intervals, and nothing chosen on the test reviews."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmarks import zero_shot
from lib.data.corpora import Review
from lib.data.reviews import Split

positive = np.array([False, False, True, False, True, True])
scores = np.array([-3.0, -1.0, 0.5, 1.0, 2.0, 3.0])


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(zero_shot, "SAMPLES", 60)


def test_the_best_bound_is_the_one_that_trying_finds():
    bound = zero_shot.best_bound(positive, scores)
    right = [((scores >= each) == positive).mean() for each in scores]
    assert ((scores >= bound) == positive).mean() == max(right) == pytest.approx(5 / 6)


def test_the_interval_holds_the_area_and_narrows():
    chance = np.random.default_rng(1)
    widths = []
    for many in (50, 800):
        positive = chance.random(many) < 0.5
        scores = positive + chance.normal(size=many)
        low, high = zero_shot.auc_interval(positive, scores)
        assert low < roc_auc_score(positive, scores) < high
        widths.append(high - low)
    assert widths[0] == pytest.approx(4 * widths[1], rel=0.4)


def test_the_test_reviews_choose_nothing(monkeypatch):
    def answers(model, tokenizer, text, questions):
        """The second question tells the classes apart, with 2 added to all."""
        right = 2.0 + (1 if "good" in text else -1)
        return [
            torch.tensor([0.0, right if "Overall" in question.text else 0.0])
            for question in questions
        ]

    monkeypatch.setattr(zero_shot, "ask", answers)
    monkeypatch.setattr(zero_shot, "TOGETHER", "none")
    known = [Review(w, w == "good", "imdb") for w in ("good", "bad") * 20]
    upside_down = [Review(w, w != "good", "imdb") for w in ("good", "bad") * 20]
    stored = type("Stored", (), {"model": None, "tokenizer": None})
    found = zero_shot.figures_of(stored, known, known)
    assert found["chosen"] == "Overall, this movie is" and found["bound_nats"] == 3
    assert found["test"]["auc"]["auc"] == found["test"]["accuracy"]["accuracy"] == 1
    found = zero_shot.figures_of(stored, known, upside_down)
    assert found["bound_nats"] == 3 and found["test"]["auc"]["auc"] == 0


def test_a_trial_never_sees_the_test_reviews(monkeypatch):
    part = [Review("a", n % 2 == 1, "imdb") for n in range(8)]
    split = Split(part, part[:], [])
    seen = []
    monkeypatch.setattr(zero_shot.reviews, "imdb", lambda: split)
    monkeypatch.setattr(zero_shot.pretrained, "load_gpt", lambda *_: None)
    figures = {"test": {"auc": {"auc": 0.8}}}
    monkeypatch.setattr(
        zero_shot, "figures_of", lambda *told: seen.append(told) or figures
    )
    zero_shot.main(["--hub", "somewhere"])
    ((_, chosen_on, measured_on),) = seen
    assert chosen_on == part[:4] and measured_on == part[4:]
