"""Bits a character: all count alike, and nothing is chosen on what is measured."""

import bz2
import math
from dataclasses import replace
from functools import partial

import pytest
import torch

from benchmarks import bits_a_character as bits
from benchmarks import pretrain_review_gpt as recipe
from lib.data.corpora import Review
from lib.data.reviews import Split
from lib.measure.ngram import NGram


def some(many, first=0):
    words = ("film", "plot", "end", "cast")
    return [
        Review(f"the {words[n % 4]} was {'good' if n % 3 else 'bad'}", True, "imdb")
        for n in range(first, first + many)
    ]


SPLIT = Split(some(60), some(20, 7), [])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    config = replace(recipe.CONFIG, context=16, width=16, layers=1, hidden=16)
    monkeypatch.setattr(recipe, "CONFIG", config)
    monkeypatch.setattr(bits, "CHOSEN_ON", 15)
    short = {"steps": 20, "batch": 4, "time": 16, "warm_up": 2}
    monkeypatch.setattr(bits, "SHORT", short)
    monkeypatch.setattr(bits, "SEEDS", (0, 1))


@pytest.fixture
def tokenizer():
    return recipe.make_tokenizer([each.text for each in SPLIT.training], 320)


def test_characters_have_one_more_for_the_end():
    part = [Review("ab", True, "imdb"), Review("\U0001f600", True, "imdb")]
    ids = bits.as_characters(part)
    assert ids.tolist() == [97, 98, 0x10FFFF, 0x1F600, 0x10FFFF]
    assert len(ids) == bits.characters(part) and ids.max() < bits.CHARACTERS


def test_an_even_guess_costs_the_logarithm_of_the_vocabulary():
    class Even:
        def surprises(self, ids):
            return torch.full((len(ids),), math.log(8))

    part = SPLIT.validation
    assert bits.bits(Even(), bits.as_characters(part), part) == pytest.approx(3)


def test_counts_are_of_the_training_reviews_alone(tokenizer, monkeypatch):
    learned, measured = [], []

    class Table(NGram):
        def __init__(self, ids, vocab, order, smoothing):
            learned.append(ids)
            super().__init__(ids, vocab, order, smoothing)

        def surprises(self, ids):
            measured.append(ids)
            return super().surprises(ids)

    monkeypatch.setattr(bits, "NGram", Table)
    found = bits.counts(SPLIT, tokenizer)
    as_tokens = partial(recipe.as_ids, tokenizer=tokenizer)
    for unit, first, encode in (
        ("characters", 0, bits.as_characters),
        ("tokens", 2 + len(bits.ORDERS["characters"]), as_tokens),
    ):
        held_back = SPLIT.training[-15:]
        for at in (first, first + 1):  # the two smoothings
            assert learned[at].equal(encode(SPLIT.training[:-15]))
            assert measured[at].equal(encode(held_back))
        assert learned[first + 2].equal(encode(SPLIT.training))
        assert measured[first + 2].equal(encode(SPLIT.validation))
        compared = found[unit]["on_training_reviews"]
        assert compared[found[unit]["smoothing"]] == min(compared.values())
        by_order = found[unit]["by_order"]
        assert [*by_order] == [*map(str, bits.ORDERS[unit])]
        assert by_order["3"] < by_order["1"]


def test_a_primed_compressor_needs_less():
    found = bits.compressors(SPLIT)
    assert found["zlib, primed"] < found["zlib"]
    assert found["lzma, primed"] < found["lzma"]
    written = "".join(f"{each.text}\0" for each in SPLIT.validation).encode()
    by_hand = 8 * len(bz2.compress(written, 9)) / bits.characters(SPLIT.validation)
    assert found["bz2"] == pytest.approx(by_hand, abs=1e-4)


def test_half_a_minute_learns_and_its_seeds_differ(tokenizer):
    found = bits.half_minutes(SPLIT, tokenizer)
    torch.manual_seed(0)
    untrained = recipe.GPT(replace(recipe.CONFIG, vocab=len(tokenizer)))
    before = recipe.held_out(untrained, SPLIT.validation, tokenizer)
    runs = found["runs"]
    assert all(run["nats_a_token"] < before["nats_a_token"] - 1 for run in runs)
    assert runs[0]["nats_a_token"] != runs[1]["nats_a_token"]
    assert found["tokens"] == 20 * 4 * 16


def test_what_was_made_is_kept_until_the_settings_change(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"n": len(made)}

    assert bits.kept(tmp_path, "a", [1], make) == {"n": 1}
    assert bits.kept(tmp_path, "a", [1], make) == {"n": 1}
    assert bits.kept(tmp_path, "a", [2], make) == {"n": 2}
    assert bits.kept(tmp_path, "b", [1], make) == {"n": 3}


def test_targets_compare_with_the_strongest():
    figures = {
        "counts": {"a": {"by_order": {"1": 4, "2": 2}}, "b": {"by_order": {"1": 2.5}}},
        "compressors": {"zlib": 4, "lzma": 2.5},
        "review_gpt": {"bits_a_character": 1.5},
    }
    assert [target.figure for target in bits.targets(figures)] == [25, 40]
