"""Heads: pooling by hand, padding that counts for nothing, parity with transformers."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2ForSequenceClassification

from lib.finetune.classifier import POOLINGS, Classifier, Tagger
from lib.hub import huggingface
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from tests.helpers.models import TINY

CLOSE = {"atol": 1e-5, "rtol": 0}
BODIES = {"gpt": GPT, "encoder": Encoder}


def ids(batch=3, time=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(TINY.vocab, (batch, time), generator=generator)


def loud(module):
    torch.manual_seed(0)
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.3)
    return module.eval()


def classifier(body="encoder", pooling="mean", classes=3):
    return loud(Classifier(BODIES[body](TINY), classes, pooling))


def test_the_last_token_is_the_last_real_one():
    x = torch.arange(12.0).view(2, 3, 2)
    real = torch.tensor([[True, True, False], [True, True, True]])
    assert POOLINGS["last"](2)(x, real).tolist() == [[2, 3], [10, 11]]


def test_the_mean_leaves_padding_out():
    x = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [99.0, torch.pi]]])
    real = torch.tensor([[True, True, False]])
    assert POOLINGS["mean"](2)(x, real).tolist() == [[2, 4]]


def test_the_weighted_mean_starts_as_the_mean_and_follows_its_scores():
    x = torch.randn(2, 4, 3)
    real = torch.tensor([[True] * 4, [True, True, False, False]])
    pool = POOLINGS["weighted"](3)
    torch.testing.assert_close(pool(x, real), POOLINGS["mean"](3)(x, real))
    nn.init.normal_(pool.score.weight)
    expected = torch.zeros(2, 3)
    for row, length in ((0, 4), (1, 2)):
        scores = [(pool.score.weight[0] @ x[row, t]).exp() for t in range(length)]
        for t, score in enumerate(scores):
            expected[row] += score / sum(scores) * x[row, t]
    torch.testing.assert_close(pool(x, real), expected)
    torch.testing.assert_close(pool.weights(x, real).sum(dim=1), torch.ones(2))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("body", BODIES)
def test_neighbors_and_padding_change_nothing(body, pooling):
    model, x = classifier(body, pooling), ids()
    other = x.clone()
    other[1, 5:] = (x[1, 5:] + 1) % TINY.vocab
    found = model(x, [8, 5, 3])
    torch.testing.assert_close(model(other, [8, 5, 3]), found, **CLOSE)
    for row, length in enumerate([8, 5, 3]):
        alone = model(x[row : row + 1, :length])
        torch.testing.assert_close(found[row : row + 1], alone, **CLOSE)
    assert (model(x, [8, 6, 3])[1] - found[1]).abs().max() > 1e-3


@torch.no_grad()
def test_a_classifier_on_a_gpt_equals_transformers():
    """GPT-2 for sequence classification: the last token that is no padding decides."""
    config = GPT2Config(vocab_size=11, n_positions=12, n_embd=16, n_layer=2, n_head=4)
    config.num_labels, config.pad_token_id = 3, 0
    theirs = loud(GPT2ForSequenceClassification(config))
    state = dict(theirs.state_dict())
    head = state.pop("score.weight")
    body = huggingface.from_hf(state, config)
    ours = Classifier(body, 3, pooling="last").eval()
    ours.head.weight.copy_(head)
    x = ids().clamp(min=1)
    x[1, 5:] = 0
    torch.testing.assert_close(ours(x, [8, 5, 8]), theirs(x).logits, **CLOSE)


@pytest.mark.parametrize("body", BODIES)
def test_a_tagger_scores_every_token(body):
    model = loud(Tagger(BODIES[body](TINY), tags=4))
    found = model(ids(), [8, 5, 8])
    assert found.shape == (3, 8, 4)
    alone = model(ids()[1:2, :5])
    torch.testing.assert_close(found[1:2, :5], alone, **CLOSE)


def test_a_new_head_has_no_opinion_and_learns_one():
    model = Classifier(Encoder(TINY), 3, dropout=0.5)
    assert not model(ids()).any()
    nn.functional.cross_entropy(model(ids()), torch.tensor([0, 1, 2])).backward()
    assert model.head.weight.grad.abs().max() > 0


def test_dropout_is_for_training():
    model = loud(Classifier(Encoder(replace(TINY)), 3, dropout=0.5))
    assert model(ids()).equal(model(ids()))
    model.train()
    assert not model(ids()).equal(model(ids()))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="pooling must be one of .*got 'sum'"):
        Classifier(Encoder(TINY), 2, pooling="sum")
    for make in (Classifier, Tagger):
        with pytest.raises(ValueError, match="at least 2 classes or tags, got 1"):
            make(Encoder(TINY), 1)
    with pytest.raises(ValueError, match=r"above 0 and at most 8, got \[8, 0, 3\]"):
        classifier()(ids(), [8, 0, 3])
