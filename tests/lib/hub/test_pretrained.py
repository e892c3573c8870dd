"""Pretrained models: what is saved comes back, what does not fit is refused."""

import json
from dataclasses import replace

import pytest
import torch

from benchmarks import plays, pretrain_review_encoder, pretrain_review_gpt
from lib.data.reviews import imdb
from lib.finetune import lora
from lib.hub.pretrained import (
    FOLDER,
    add_to_card,
    load_encoder,
    load_gpt,
    megabytes,
    names,
    save_pretrained,
)
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.tokens.word_tokenizer import WordTokenizer
from lib.train import evaluate
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
    found = load_encoder("tiny", folder)
    assert found.tokenizer.tokens == WORDS.tokens and not found.model.training
    assert found.card["held_out_loss"] == 1.5
    assert found.model.config == model.config
    ours = dict(model.named_parameters())
    for name, weight in found.model.named_parameters():
        assert weight.dtype == torch.float32 and weight.equal(ours[name].half().float())
    torch.testing.assert_close(found.model(IDS), model(IDS), atol=0.02, rtol=0)
    assert found.model.unembed.weight is found.model.embed.tokens.weight


@pytest.fixture
def written(tmp_path):
    """A folder with one tiny GPT."""
    torch.manual_seed(0)
    pieces = BytePairTokenizer([(97, 98), (256, 99)], ["<|end|>", "<|user|>"])
    model = GPT(replace(TINY, vocab=len(pieces), init_std=0.3, qk_norm=True))
    save_pretrained("writes", model, pieces, {"seconds": 1}, tmp_path)
    return model.eval(), pieces, tmp_path


def test_a_model_says_how_large_it_is(tmp_path):
    for size, said in ((568_912, "0.6"), (5_900_000, "6")):
        (tmp_path / "a.safetensors").write_bytes(bytes(size))
        assert megabytes("a", tmp_path) == said


def test_a_gpt_comes_back_in_eight_bits(written):
    model, pieces, folder = written
    found = load_gpt("writes", folder)
    assert found.tokenizer.merges == pieces.merges
    assert found.tokenizer.special == pieces.special
    assert found.card["seconds"] == 1 and not found.model.training
    ours = dict(model.named_parameters())
    for name, weight in found.model.named_parameters():
        assert weight.dtype == torch.float32
        if weight.dim() == 2:
            scale = ours[name].abs().amax(dim=1, keepdim=True) / 127
            assert ((weight - ours[name]).abs() <= scale / 2 * 1.001).all()
        else:
            assert weight.equal(ours[name].half().float())
    ids = torch.tensor([pieces.encode("abcab")])
    torch.testing.assert_close(found.model(ids), model(ids), atol=0.3, rtol=0)
    assert found.model.unembed.weight is found.model.embed.tokens.weight
    numbers = sum(weight.numel() for weight in model.parameters())
    assert (folder / "writes.safetensors").stat().st_size < 1.6 * numbers + 4000


def test_a_gpt_of_characters_comes_back_with_its_alphabet(tmp_path):
    letters = CharacterTokenizer('\n "to be, or not": ü')
    model = GPT(replace(TINY, vocab=len(letters), init_std=0.3))
    save_pretrained("letters", model, letters, {"seconds": 1}, tmp_path)
    found = load_gpt("letters", tmp_path)
    assert found.tokenizer.tokens == letters.tokens
    assert found.card["alphabet"] == '\n ",:benortü' and found.card["kind"] == "gpt"
    ids = torch.tensor([letters.encode("to be")])
    torch.testing.assert_close(found.model(ids), model(ids), atol=0.3, rtol=0)
    path = tmp_path / "letters.json"
    path.write_text(json.dumps(found.card | {"alphabet": ""}))
    with pytest.raises(ValueError, match="damaged: a tokenizer needs some text"):
        load_gpt("letters", tmp_path)
    path.write_text(json.dumps(found.card | {"alphabet": "abc"}))
    with pytest.raises(ValueError, match="damaged: 3 tokens for 12 rows"):
        load_gpt("letters", tmp_path)


def test_a_kind_knows_its_own(saved, written):
    folder = written[2]  # the same one
    assert names(folder=folder) == ["tiny", "writes"]
    assert names("gpt", folder) == ["writes"] and names("encoder", folder) == ["tiny"]
    with pytest.raises(ValueError, match=r"one of \['writes'\], got 'tiny'"):
        load_gpt("tiny", folder)
    with pytest.raises(ValueError, match=r"one of \['tiny'\], got 'writes'"):
        load_encoder("writes", folder)
    expected = "of a GPT must be a BytePairTokenizer or a CharacterTokenizer, got W"
    with pytest.raises(ValueError, match=expected):
        save_pretrained("x", written[0], WORDS, {}, folder)


def test_an_unknown_name_lists_the_known(saved):
    assert names(folder=saved[1]) == ["tiny"]
    with pytest.raises(ValueError, match=r"one of \['tiny'\], got 'gpt4'"):
        load_encoder("gpt4", saved[1])


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
        load_encoder("tiny", saved[1])


def test_a_card_that_does_not_fit_is_refused(saved):
    path = saved[1] / "tiny.json"
    card = json.loads(path.read_text())
    for change in (
        {"format": "another"},
        {"config": card["config"] | {"layers": 1}},
        {"config": card["config"] | {"width": 8}},
        {"config": card["config"] | {"legs": 4}},
        {"words": ["a", "a"]},
        {"kind": "oracle"},
    ):
        path.write_text(json.dumps(card | change))
        with pytest.raises(ValueError, match="damaged"):
            load_encoder("tiny", saved[1])
    path.unlink()
    with pytest.raises(ValueError, match="damaged"):
        load_encoder("tiny", saved[1])


def test_a_model_and_its_tokenizer_belong_together(saved):
    few = WordTokenizer(["the", "film"])
    with pytest.raises(ValueError, match="model has 11 tokens, the tokenizer 5"):
        save_pretrained("x", saved[0], few, {}, saved[1])


def test_what_is_measured_later_goes_on_the_card(saved):
    _, folder = saved
    before = load_encoder("tiny", folder=folder)
    add_to_card("tiny", {"remembers": 0.25, "held_out_loss": 1.25}, folder)
    after = load_encoder("tiny", folder=folder)
    assert after.card == before.card | {"remembers": 0.25, "held_out_loss": 1.25}
    assert torch.equal(after.model.vectors(IDS), before.model.vectors(IDS))
    with pytest.raises(ValueError, match=r"more must not have \['kind', 'words'\]"):
        add_to_card("tiny", {"words": [], "kind": "gpt", "note": ""}, folder)
    with pytest.raises(ValueError, match="a model of the hub, got 'huge'"):
        add_to_card("huge", {}, folder)


def test_what_a_file_cannot_hold_is_refused(saved):
    model, folder = saved
    wrapped = torch.compile(model, backend="eager")
    save_pretrained("wrapped", wrapped, WORDS, {}, str(folder / "new"))
    found = load_encoder("wrapped", folder=str(folder / "new")).model
    assert found.state_dict().keys() == model.state_dict().keys()
    with torch.no_grad():
        model.norm.weight[0] = 1e6
    with pytest.raises(ValueError, match=r"half precision, not so \['norm.weight'\]"):
        save_pretrained("large", model, WORDS, {}, folder)
    with pytest.raises(ValueError, match="an Encoder or a GPT, got Linear"):
        save_pretrained("other", torch.nn.Linear(1, 1), WORDS, {}, folder)
    lora.adapt(model, ["to_query"])
    with pytest.raises(ValueError, match=r"weights of its configuration, not .*down"):
        save_pretrained("adapted", model, WORDS, {}, folder)
    assert names(folder=folder) == ["tiny"]


@pytest.mark.processes
def test_the_figure_on_the_encoders_card_is_true():
    """The accuracy of a line through averages; the words are the training reviews'."""
    pretrained = load_encoder("review_encoder")
    model, tokenizer, card = pretrained
    assert sum(weight.numel() for weight in model.parameters()) == card["parameters"]
    split = imdb()
    found = pretrain_review_encoder.probe(pretrained, split)
    assert found == pytest.approx(card["probe"]["validation_accuracy"], abs=2e-3)
    assert (FOLDER / "review_encoder.safetensors").stat().st_size < 8_000_000
    some = WordTokenizer.train([each.text for each in split.training])
    assert tokenizer.tokens == some.tokens


@pytest.mark.processes
def test_the_figures_on_the_cards_of_both_gpts_are_true():
    """Eight bits a weight cost hardly anything of what was held out."""
    of_plays, of_reviews = load_gpt("plays_gpt"), load_gpt("review_gpt")
    for model, _, card in (of_plays, of_reviews):
        assert sum(part.numel() for part in model.parameters()) == card["parameters"]
    test = plays.read().test(of_plays.model.config.context)
    found = evaluate(of_plays.model, test)
    assert found == pytest.approx(of_plays.card["held_out_nats_in_float32"], abs=5e-3)
    model, tokenizer, card = of_reviews
    found = pretrain_review_gpt.held_out(model, imdb().validation[:100], tokenizer)
    assert found == pytest.approx(card["first_100_of_it"], abs=1e-3)
    whole, in_float32 = card["validation"], card["validation_in_float32"]
    assert whole == pytest.approx(in_float32, abs=1e-3)
    assert (FOLDER / "review_gpt.safetensors").stat().st_size < 8_000_000
    assert (FOLDER / "plays_gpt.safetensors").stat().st_size < 600_000
