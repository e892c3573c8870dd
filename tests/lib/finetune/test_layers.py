"""Layers: which of them learn, how fast, and that the whole learns."""

import copy
from functools import partial

import pytest
import torch

from lib.finetune.classifier import Tagger, classification_loss, predict
from lib.finetune.labeled import class_weights, in_order, labeled_batches
from lib.finetune.layers import (
    GradualUnfreezing,
    freeze,
    layerwise_adamw,
    trainable,
    weights_by_layer,
)
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.train import next_token_loss, train
from tests.helpers.classifiers import LABELS, TEXTS, small
from tests.helpers.models import TINY


@pytest.mark.parametrize("body", [GPT, Encoder])
def test_layers_have_every_weight_once_top_to_bottom(body):
    net = small(body)
    names = list(weights_by_layer(net))
    assert names == ["head", "blocks.1", "blocks.0", "embed"]
    ids = [id(w) for weights in weights_by_layer(net).values() for w in weights]
    assert len(ids) == len({*ids}) and {*ids} == {id(w) for w in net.parameters()}
    assert list(weights_by_layer(Tagger(body(TINY), 3))) == names


def test_frozen_layers_do_not_move():
    net = small()
    freeze(net, except_for=["head", "blocks.1"])
    before = copy.deepcopy(dict(net.named_parameters()))
    learned = {id(w) for n in ("head", "blocks.1") for w in weights_by_layer(net)[n]}
    optimizer = torch.optim.AdamW(net.parameters(), 0.01)
    batches = labeled_batches(TEXTS, LABELS, 20)
    train(net, optimizer, batches, 3, objective=classification_loss)
    for name, weight in net.named_parameters():
        assert weight.equal(before[name]) != (id(weight) in learned), name
    with pytest.raises(ValueError, match=r"got \['tail'\]"):
        freeze(net, except_for=["tail"])


def test_layers_thaw_top_to_bottom():
    net, seen = small(), []
    optimizer = layerwise_adamw(net, 0.01)

    class Watch(GradualUnfreezing):
        def after_step(self, run):
            parts = weights_by_layer(run.model).items()
            seen.append([n for n, ws in parts if all(w.requires_grad for w in ws)])
            super().after_step(run)

    batches = labeled_batches(TEXTS, LABELS, 20)
    options = {"objective": classification_loss, "callbacks": [Watch(2)]}
    before = net.body.embed.tokens.weight.clone()
    train(net, optimizer, batches, 6, **options)
    assert net.body.embed.tokens.weight.equal(before)
    train(net, optimizer, batches, 8, **options)
    assert not net.body.embed.tokens.weight.equal(before)
    names = ["head", "blocks.1", "blocks.0", "embed"]
    assert seen == [names[: 1 + n // 2] for n in [*range(6), *range(8)]]
    with pytest.raises(ValueError, match="steps must be above 0, got 0"):
        GradualUnfreezing(0)


def test_rates_fall_layer_by_layer():
    net = small()
    rates = {}
    for group in layerwise_adamw(net, 0.1, decay=0.5, weight_decay=0.2).param_groups:
        for weight in group["params"]:
            rates[id(weight)] = group["lr"]
            assert group["weight_decay"] == (0.2 if weight.dim() > 1 else 0.0)
    for depth, weights in enumerate(weights_by_layer(net).values()):
        assert {rates[id(weight)] for weight in weights} == {0.1 * 0.5**depth}
    assert len(rates) == len([*net.parameters()])
    for decay in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"got {decay}"):
            layerwise_adamw(net, 0.1, decay)


def test_what_learns_is_counted():
    net = small()
    assert trainable(net)[0] == trainable(net)[1]
    freeze(net)
    assert trainable(net)[0] == 16 + 2 * 16 + 2  # the pooling's scores and the head


@pytest.mark.parametrize("body, pooling", [(Encoder, "mean"), (GPT, "last")])
def test_it_learns(body, pooling):
    net = small(body, pooling)
    batches = labeled_batches(TEXTS, LABELS, 20)
    loss = partial(classification_loss, weights=class_weights(LABELS, 2))
    train(net, layerwise_adamw(net, 0.01), batches, 120, objective=loss)
    found = predict(net, in_order(TEXTS, LABELS)).argmax(dim=1)
    assert (found == torch.tensor(LABELS)).all()


def test_a_tagger_learns():
    torch.manual_seed(0)
    net = Tagger(Encoder(TINY), 2)

    def loss(model, batch):
        ids, lengths, _ = batch
        tags = (ids % 2).masked_fill(ids == 0, -1)
        return next_token_loss(model(ids, lengths.tolist()), tags)

    batches = labeled_batches(TEXTS, LABELS, 20)
    history = train(net, layerwise_adamw(net, 0.01), batches, 100, objective=loss)
    assert history.losses[-1] < 0.05
