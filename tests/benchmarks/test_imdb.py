"""The grid of chapter 8 on tiny reviews: all methods learn, a stopped run goes on."""

from dataclasses import replace

import pytest
import torch

from benchmarks import imdb
from lib.data.corpora import Review
from lib.data.reviews import Split
from lib.hub.pretrained import PretrainedEncoder
from lib.model.encoder import Encoder
from lib.tokens.word_tokenizer import WordTokenizer
from tests.helpers.models import TINY

WORDS = WordTokenizer(["good", "bad", "film", "a", "it", "was", "the", "so"])


def some(many, first=0):
    return [
        Review(f"film {'good' if n % 2 else 'bad'} {'a it ' * (n % 3)}", n % 2 == 1, "")
        for n in range(first, first + many)
    ]


def body():
    torch.manual_seed(0)
    config = replace(TINY, width=16, init_std=0.5, zero_output=True)
    return PretrainedEncoder(Encoder(config), WORDS, {"sha256": "0"})


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(imdb, "LABELS", (8, None))
    monkeypatch.setattr(imdb, "SEEDS", (0, 1))
    monkeypatch.setattr(imdb, "STEPS", {8: 30, None: 30})
    monkeypatch.setattr(imdb, "RATES", {8: (3e-2, 0.03), None: (3e-2, 0.03)})
    monkeypatch.setattr(imdb, "LONGEST", 4)


@pytest.mark.parametrize("method", [*imdb.SIMPLE, *imdb.METHODS])
def test_every_method_learns_and_is_measured_on_other_reviews(method):
    task = imdb.Task(some(24), some(9, first=100), 0, None)
    scores = imdb.run(method, task, body)
    if method == "majority":
        assert scores.accuracy == pytest.approx(5 / 9, abs=1e-3) and scores.f1 == 0
    else:
        assert scores.accuracy == scores.f1 == 1
    whole = sum(weight.numel() for weight in body().model.parameters()) + 2 * 17
    expected = {"full": whole, "layerwise": whole, "scratch": whole, "frozen": 2 * 17}
    assert scores.trained == expected.get(method, scores.trained)
    if method == "lora":
        assert 2 * 17 < scores.trained < whole


@pytest.mark.parametrize("backwards", [False, True])
def test_a_stopped_grid_goes_on(tmp_path, monkeypatch, capsys, backwards):
    split, left = Split(some(24), [], some(6, first=100)), [5]
    honest = imdb.run
    monkeypatch.setattr(imdb, "STEPS", {8: 2, None: 2})  # nothing has to be learned

    def breaking(*args):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return honest(*args)

    monkeypatch.setattr(imdb, "run", breaking)
    with pytest.raises(KeyboardInterrupt):
        imdb.fill(tmp_path, split, body)
    assert len([*tmp_path.iterdir()]) == 5
    left[0] = 2 * 2 * 9 - 5
    found = imdb.fill(tmp_path, split, body, backwards)
    assert left == [0] and {*found} == {*imdb.SIMPLE, *imdb.METHODS}
    assert all(len(runs) == 2 for rows in found.values() for runs in rows.values())
    assert found["frozen"].keys() == {"8", "all"}
    assert len(capsys.readouterr().out.splitlines()) == 2 * 2 * 9


def test_targets_are_means_over_the_seeds():
    def runs(name, *accuracies):
        trained = 40 if name == "lora" else 1000
        return [{"accuracy": a, "trained": trained} for a in accuracies]

    labels = ("100", "500", "2000", "all")
    rows = {"full": 0.8, "layerwise": 0.9, "lora": 0.79, "scratch": 0.7, "tf-idf": 0.88}
    found = {
        name: {n: runs(name, mean - 0.01, mean + 0.01) for n in labels}
        for name, mean in rows.items()
    }
    reached = [target.figure for target in imdb.targets({"runs": found})]
    assert reached == pytest.approx([90, 90, 90, 90, 2, 20, 1, 4])


def test_other_settings_or_weights_have_a_folder_of_their_own(monkeypatch):
    first = imdb.key(body())
    assert imdb.key(body()) == first
    assert imdb.key(body()._replace(card={"sha256": "1"})) != first
    monkeypatch.setitem(imdb.SETTINGS, "batch", 99)
    assert imdb.key(body()) != first


def test_settings_are_chosen_without_the_test_reviews(tmp_path, monkeypatch):
    monkeypatch.setattr(imdb, "load_encoder", lambda name: body())
    monkeypatch.setattr(imdb, "grid", lambda: [("majority", None, 0)])
    split = Split(some(24), some(4), some(9))
    monkeypatch.setattr(imdb.reviews, "imdb", lambda: split)
    measured = []

    def run(method, task, body):
        measured.append(task.measured)
        return imdb.Scores(0.5, 0.5, 0, 0.0)

    monkeypatch.setattr(imdb, "run", run)
    monkeypatch.setattr(imdb.sys, "argv", ["imdb", "--validation"])
    imdb.main(tmp_path)
    assert measured == [split.validation]
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("validation-")
