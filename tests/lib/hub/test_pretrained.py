"""Pretrained models: what is saved comes back, what does not fit is refused."""

import json
from dataclasses import replace

import pytest
import torch

from benchmarks import pretrain_reviews
from lib.data.reviews import imdb
from lib.finetune import lora
from lib.hub.pretrained import FOLDER, load_pretrained, names, save_pretrained
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.tokens.word_tokenizer import WordTokenizer
from tests.helpers.models import TINY

WORDS = WordTokenizer(["the", "film", "a", "good", "bad", "was", "in", "it"])
IDS = torch.tensor([WORDS.encode("it was a good film")])


@pytest.fixture
def saved(tmp_path):
    """A folder with one tiny model."""
    torch.manual_seed(0)
    model = Encoder(replace(TINY, init_std=0.3, qk_norm=True))
    save_pretrained("tiny", model, WORDS, {"held_out_loss": 1.5}, tmp_path)
    return model.eval(), tmp_path


def test_what_was_saved_comes_back_in_half_precision(saved):
    model, folder = saved
    found = load_pretrained("tiny", folder=folder)
    assert found.tokenizer.tokens == WORDS.tokens and not found.model.training
    assert found.card["held_out_loss"] == 1.5
    assert found.model.config == model.config
    ours = dict(model.named_parameters())
    for name, weight in found.model.named_parameters():
        assert weight.dtype == torch.float32 and weight.equal(ours[name].half().float())
    torch.testing.assert_close(found.model(IDS), model(IDS), atol=0.02, rtol=0)
    assert found.model.unembed.weight is found.model.embed.tokens.weight


def test_an_unknown_name_lists_the_known(saved):
    assert names(saved[1]) == ["tiny"]
    with pytest.raises(ValueError, match=r"one of \['tiny'\], got 'gpt4'"):
        load_pretrained("gpt4", folder=saved[1])


@pytest.mark.parametrize("file", ["tiny.safetensors", "tiny.json"])
@pytest.mark.parametrize("harm", ["cut", "change", "empty"])
def test_a_damaged_file_is_refused(saved, file, harm):
    path = saved[1] / file
    data = bytearray(path.read_bytes())
    place = data.index(b'"sha256": "') + 14 if file == "tiny.json" else -5
    data[place] = ord("x") if data[place] != ord("x") else ord("y")
    path.write_bytes(
        {"cut": data[: len(data) // 2], "change": data, "empty": b""}[harm]
    )
    with pytest.raises(ValueError, match=r"tiny\.safetensors or its card is damaged"):
        load_pretrained("tiny", folder=saved[1])


def test_a_card_that_does_not_fit_is_refused(saved):
    path = saved[1] / "tiny.json"
    card = json.loads(path.read_text())
    for change in (
        {"format": "another"},
        {"config": card["config"] | {"layers": 1}},
        {"config": card["config"] | {"width": 8}},
        {"config": card["config"] | {"legs": 4}},
        {"vocabulary": ["a", "a"]},
    ):
        path.write_text(json.dumps(card | change))
        with pytest.raises(ValueError, match="damaged"):
            load_pretrained("tiny", folder=saved[1])
    path.unlink()
    with pytest.raises(ValueError, match="damaged"):
        load_pretrained("tiny", folder=saved[1])


def test_another_vocabulary_is_refused(saved):
    same = WordTokenizer(WORDS.tokens[3:])
    assert load_pretrained("tiny", same, saved[1]).tokenizer.tokens == same.tokens
    other = WordTokenizer(["a", *WORDS.tokens[3:5]])
    with pytest.raises(ValueError, match="got 6 words, of which number 3 is 'a'"):
        load_pretrained("tiny", other, saved[1])
    with pytest.raises(ValueError, match="got 5 words, the first of which are the sam"):
        load_pretrained("tiny", WordTokenizer(["the", "film"]), saved[1])
    with pytest.raises(ValueError, match="model has 11 words, the tokenizer 5"):
        save_pretrained("x", saved[0], WordTokenizer(["the", "film"]), {}, saved[1])


def test_what_a_file_cannot_hold_is_refused(saved):
    model, folder = saved
    wrapped = torch.compile(model, backend="eager")
    save_pretrained("wrapped", wrapped, WORDS, {}, str(folder / "new"))
    found = load_pretrained("wrapped", folder=str(folder / "new")).model
    assert found.state_dict().keys() == model.state_dict().keys()
    with torch.no_grad():
        model.norm.weight[0] = 1e6
    with pytest.raises(ValueError, match=r"half precision, not so \['norm.weight'\]"):
        save_pretrained("large", model, WORDS, {}, folder)
    with pytest.raises(ValueError, match="model must be an Encoder, got GPT"):
        save_pretrained("other", GPT(TINY), WORDS, {}, folder)
    lora.adapt(model, ["to_query"])
    with pytest.raises(ValueError, match=r"weights of its configuration, not .*down"):
        save_pretrained("adapted", model, WORDS, {}, folder)
    assert names(folder) == ["tiny"]


@pytest.mark.processes
def test_the_cards_figure_is_true():
    """The accuracy of a line through averages; the words are the training reviews'."""
    pretrained = load_pretrained("reviews")
    model, tokenizer, card = pretrained
    assert sum(weight.numel() for weight in model.parameters()) == card["parameters"]
    split = imdb()
    found = pretrain_reviews.probe(pretrained, split)
    assert found == pytest.approx(card["probe"]["validation_accuracy"], abs=2e-3)
    assert (FOLDER / "reviews.safetensors").stat().st_size < 8_000_000
    some = WordTokenizer.train([each.text for each in split.training])
    assert tokenizer.tokens == some.tokens
