"""The recipe of the book's own GPT: on tiny reviews it learns, goes on, and stores."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import pretrain_review_gpt as recipe
from lib.data.corpora import Review
from lib.data.reviews import Split
from lib.hub import pretrained
from lib.model.gpt import GPT

ROOT = Path(__file__).parents[2]


def some(many, first=0):
    return [
        Review(f"film {n % 3} was {'good' if n % 2 else 'bad'}", n % 2 == 1, "imdb")
        for n in range(first, first + many)
    ]


SPLIT = Split(some(60), some(20, 7), some(6))


def shrink(patch, folder):
    """Make everything small, by `setattr` or a test's own."""
    config = replace(
        recipe.CONFIG, vocab=320, context=16, width=16, layers=1, hidden=16
    )
    patch(recipe, "CONFIG", config)
    patch(recipe, "EVERY", 10)
    patch(recipe.reviews, "imdb", lambda: SPLIT)
    original = recipe.make_tokenizer
    patch(recipe, "make_tokenizer", lambda texts: original(texts, 320))
    kept = recipe.store
    patch(recipe, "store", lambda *told: kept(*told, folder=folder))


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    shrink(monkeypatch.setattr, tmp_path / "hub")
    return tmp_path / "hub"


def test_special_tokens_are_33_and_the_last(small):
    tokenizer = recipe.make_tokenizer([each.text for each in SPLIT.training])
    assert len(recipe.SPECIAL) == len(set(recipe.SPECIAL)) == 33
    first = len(tokenizer) - 33
    assert list(tokenizer.special.values()) == list(range(first, len(tokenizer)))
    ids = recipe.as_ids(SPLIT.training[:2], tokenizer)
    assert (ids == tokenizer.special["<|endoftext|>"]).sum() == 2
    assert tokenizer.decode(ids[:-1]).startswith(SPLIT.training[0].text + "<|endof")


def test_it_learns_stops_and_goes_on_as_if_it_had_not(tmp_path, monkeypatch, small):
    recipe.main([str(tmp_path / "whole"), "--steps", "40"])
    whole = pretrained.load_gpt("review_gpt", small)
    torch.manual_seed(0)
    untrained = recipe.held_out(
        GPT(whole.model.config), SPLIT.validation, whole.tokenizer
    )
    assert whole.card["validation"]["nats_a_token"] < untrained["nats_a_token"] - 1
    assert whole.card["steps"] == 40 and whole.card["tokens"] == 40 * recipe.BATCH * 16
    stored = recipe.held_out(whole.model, SPLIT.validation, whole.tokenizer)
    assert stored == whole.card["validation"]

    def stop(clock, run):
        if run.step == 17:
            raise KeyboardInterrupt

    again = [str(tmp_path / "again"), "--steps", "40"]
    with monkeypatch.context() as patch:
        patch.setattr(recipe.Clock, "after_step", stop)
        with pytest.raises(SystemExit, match="stopped at step 17: run it again"):
            recipe.main(again)
    recipe.main(again)
    resumed = pretrained.load_gpt("review_gpt", small)
    assert resumed.card["sha256"] == whole.card["sha256"]


TWO = """
import sys
from pathlib import Path
from benchmarks import pretrain_review_gpt as recipe
from tests.benchmarks.test_pretrain_review_gpt import shrink
from tests.helpers.together import fork

run, hub = sys.argv[1:]
shrink(setattr, Path(hub))
sys.exit(fork(lambda: recipe.main([run, "--steps", "20"])))
"""


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="becomes two processes by forking")
def test_two_processes_store_what_one_does(tmp_path, small):
    """They train together; the first one measures alone, when the other has left."""
    recipe.main([str(tmp_path / "one"), "--steps", "20"])
    one = pretrained.load_gpt("review_gpt", small)
    command = [sys.executable, "-c", TWO, tmp_path / "two", small]
    done = subprocess.run(
        command,  # not here: where something has learned, a fork cannot
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    two = pretrained.load_gpt("review_gpt", small)
    assert (one.card["processes"], two.card["processes"]) == (1, 2)
    for name, weight in one.model.state_dict().items():
        torch.testing.assert_close(
            two.model.state_dict()[name], weight, atol=0.01, rtol=0.02
        )


def test_bits_a_character_count_the_end_of_a_review(small):
    tokenizer = recipe.make_tokenizer([each.text for each in SPLIT.training])

    even = GPT(replace(recipe.CONFIG, vocab=len(tokenizer)))
    torch.nn.init.zeros_(even.norm.weight)  # all tokens score 0
    found = recipe.held_out(even, SPLIT.validation, tokenizer)
    nats = torch.tensor(len(tokenizer)).log()
    ids = recipe.as_ids(SPLIT.validation, tokenizer)
    characters = sum(len(each.text) + 1 for each in SPLIT.validation)
    bits = nats / torch.tensor(2.0).log() * len(ids) / characters
    assert found["nats_a_token"] == pytest.approx(nats.item(), abs=1e-3)
    assert found["bits_a_character"] == pytest.approx(bits.item(), rel=1e-3)
