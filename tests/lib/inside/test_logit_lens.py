"""Reading out: at the last part it is the model's own prediction."""

import pytest
import torch

from lib.inside.hooks import residual_stream
from lib.inside.logit_lens import read_out, surprise
from lib.model.attention_only import AttentionOnly
from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.train import next_token_loss

TYPES = {  # and how far from the same in float64 a probability or a loss may be
    torch.float64: 1e-9,
    torch.float32: 1e-5,
    torch.float16: 5e-3,
    torch.bfloat16: 3e-2,
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab=11, context=8, width=16, layers=2, heads=2))


def test_the_last_part_says_what_the_model_says(model):
    ids = torch.randint(11, (3, 7))
    seen = read_out(model, ids)
    assert list(seen) == list(residual_stream(model, ids)) and len(seen) == 5
    torch.testing.assert_close(seen["blocks.1.feed_forward"], model(ids).softmax(-1))
    for probabilities in seen.values():
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(3, 7))


def test_other_models_are_refused():
    for look in (read_out, residual_stream):
        with pytest.raises(ValueError, match="model must be a GPT, got AttentionOnly"):
            look(AttentionOnly(11, 16, 2, 1), torch.tensor([[4, 1, 4]]))


def test_the_first_part_knows_one_token(model):
    """At the embedding, equal tokens are read out alike, whatever came before them."""
    seen = read_out(model, torch.tensor([[4, 1, 4]]))["embed"]
    torch.testing.assert_close(seen[0, 0], seen[0, 2])


def test_surprise_is_the_loss(model):
    x, y = torch.randint(11, (2, 3, 7))
    loss = next_token_loss(model(x), y).item()
    last = read_out(model, x)["blocks.1.feed_forward"]
    assert surprise(last, y) == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("dtype", TYPES)
def test_reading_out_in_every_type(model, dtype):
    x, y = torch.randint(11, (2, 3, 7))
    for name, exact in read_out(model.double(), x).items():
        found = read_out(model.to(dtype), x)[name]
        assert found.dtype == dtype
        close = {"atol": TYPES[dtype], "rtol": 0, "check_dtype": False}
        torch.testing.assert_close(found, exact, **close)
        assert surprise(found, y) == pytest.approx(surprise(exact, y), abs=TYPES[dtype])


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_reading_out_under_autocast(model, half):
    x, y = torch.randint(11, (2, 3, 7))
    exact = read_out(model, x)
    with torch.autocast("cpu", half):
        found = read_out(model, x)
        losses = [surprise(each, y) for each in found.values()]
    expected = [surprise(each, y) for each in exact.values()]
    assert losses == pytest.approx(expected, abs=TYPES[torch.bfloat16])


def test_the_loss_of_half_precision_keeps_its_digits():
    """Rounded to bfloat16, a logarithm has three of them."""
    probabilities = torch.full((1, 1000, 3), 1 / 3, dtype=torch.bfloat16)
    targets = torch.zeros(1, 1000, dtype=torch.long)
    expected = -probabilities[0, 0, 0].double().log().item()
    assert surprise(probabilities, targets) == pytest.approx(expected, abs=1e-6)
