"""What a model copies: only what it wrote, looked up in what it learned from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import RESULTS, copies
from benchmarks.pretrain_review_gpt import CONFIG, SPECIAL
from lib.data.corpora import Review
from lib.hub.pretrained import PretrainedGPT, load_gpt
from lib.measure.copies import Copies
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer

TEXT = "the film was long and the film was slow, and then the film was over"
TOKENIZER = BytePairTokenizer.train(TEXT * 3, 300, SPECIAL)


@pytest.fixture
def stored(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(copies, "TOGETHER", 2)
    config = replace(CONFIG, vocab=len(TOKENIZER), width=16, layers=1, heads=2)
    return PretrainedGPT(GPT(replace(config, hidden=16)).eval(), TOKENIZER, {})


def test_openings_and_what_follows_are_the_review(monkeypatch):
    monkeypatch.setattr(copies, "SAMPLES", 2)
    part = [Review(text, True, "imdb") for text in ("short", TEXT, TEXT[4:], TEXT)]
    found = copies.openings(part, TOKENIZER)
    assert len(found) == 2
    for (ids, rest), review in zip(found, part[1:], strict=False):
        assert len(ids) == copies.OPENING
        assert review.text.startswith(TOKENIZER.decode(ids) + rest)


def test_what_was_written_does_not_hold_the_prompt(stored, monkeypatch):
    monkeypatch.setattr(copies, "NEW", 5)
    prompts = [TOKENIZER.encode("the film "), [], TOKENIZER.encode("long")]
    cold = copies.write(stored, prompts, heat=0.0)
    assert len(cold) == 3
    end = TOKENIZER.special["<|endoftext|>"]
    for prompt, text in zip(prompts, cold, strict=True):
        ids = [end, *prompt]
        for _ in range(5):
            ids.append(int(stored.model(torch.tensor([ids]))[0, -1].argmax()))
        new = ids[len(prompt) + 1 :]
        stop = new.index(end) if end in new else 5
        assert text == TOKENIZER.decode(new[:stop])


def test_figures_by_hand(monkeypatch):
    monkeypatch.setattr(copies, "STRETCH", 4)
    table = Copies(["one two three", "two four"], 4)
    found = copies.measure(table, ["x two t", "none", "four"])
    # " two" stands in one review, "two " in both, "wo t" in one; and "four"
    assert (found["copied"], found["copied_and_in_several_reviews"]) == (4, 1)
    assert found["stretches"] == 4 + 1 + 1 and found["characters"] == 15
    assert found["longest"] == [6, 4]
    assert found["share_copied"] == pytest.approx(4 / 6, abs=1e-6)
    assert found["share_copied_from_one_review"] == pytest.approx(3 / 6, abs=1e-6)
    assert found["texts_with_a_copy"]["accuracy"] == pytest.approx(2 / 3)


def test_the_worst_of_its_ways_is_set_beside_people():
    shares = {
        "openings": {"share_copied": 0.001, "longest": [60]},
        "nothing": {"share_copied": 0.004, "longest": [55, 51]},
    }
    people = {"all": {"share_copied": 0.002}}
    figures = {"written": shares, "by_chance": people, "stretch": 50}
    (target,) = copies.targets(figures)
    assert target.figure == 2 and not target.met()
    told = copies.summary(figures)
    assert (told["share_of_stretches"], told["longest_copy"]) == (0.004, 55)
    assert told["share_of_stretches_of_people"] == 0.002


def test_the_data_page_and_the_card_say_what_is_stored():
    figures = json.loads((RESULTS / "copies.json").read_text())["figures"]
    told = copies.summary(figures)
    card = load_gpt("review_gpt").card
    assert card["remembers"] == told and card["sha256"] == figures["weights_sha256"]
    page = " ".join((Path(__file__).parents[2] / "data.md").read_text("utf-8").split())
    wrote = f"at most {100 * told['share_of_stretches']:.3f} % stand in a training"
    people = f"it is {100 * told['share_of_stretches_of_people']:.3f} %, the longest of"
    longest = max(figures["by_chance"]["all"]["longest"])
    assert f"{wrote} review, the longest of {told['longest_copy']} characters" in page
    assert f"{people} {longest}." in page
