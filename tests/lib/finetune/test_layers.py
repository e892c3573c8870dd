"""Fine-tuning: what moves, how fast, and what it learns."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from lib.finetune.classifier import Classifier, Tagger, classification_loss, predict
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
from tests.helpers.models import TINY

# Is there a 3 in the text? Words are 3 to 9, 0 is padding.
TEXTS = [
    [4 + n % 6, 5 + n % 5, 3 if n % 2 else 8, 9 - n % 4][: 3 + n % 2] for n in range(60)
]
LABELS = [int(3 in ids) for ids in TEXTS]


def model(body=Encoder, pooling="weighted"):
    torch.manual_seed(0)
    return Classifier(body(TINY), 2, pooling)


def loss_of(net, weights=None):
    batch = next(in_order(TEXTS, LABELS))
    return classification_loss(net, batch, weights)


def test_the_loss_is_the_mean_surprise():
    net = model()
    assert loss_of(net).item() == pytest.approx(torch.tensor(2.0).log().item())
    nn.init.normal_(net.head.weight)
    chances = predict(net.eval(), in_order(TEXTS, LABELS, batch=7))
    expected = -chances[range(60), LABELS].log().mean()
    torch.testing.assert_close(loss_of(net), expected)


def test_weighted_classes_count_alike():
    labels = [0] * 45 + [1] * 15
    net, batch = model(), next(in_order(TEXTS, labels))
    nn.init.normal_(net.head.weight)
    weights = class_weights(labels, 2)
    losses = -predict(net, [batch])[range(60), labels].log()
    expected = (losses[:45].mean() + losses[45:].mean()) / 2
    torch.testing.assert_close(classification_loss(net, batch, weights), expected)


@pytest.mark.parametrize("together", [1, 7, 100])
def test_predict_keeps_the_order_of_texts_of_any_length(together):
    net = model()
    nn.init.normal_(net.head.weight)
    texts = [ids * (1 + n % 5) for n, ids in enumerate(TEXTS)]
    batches = in_order(texts, LABELS, batch=25)
    alone = [net(torch.tensor([ids])).softmax(dim=-1) for ids in texts]
    torch.testing.assert_close(predict(net, batches, together), torch.cat(alone))


def test_predict_needs_some_texts_at_a_time():
    with pytest.raises(ValueError, match="together must be above 0, got 0"):
        predict(model(), in_order(TEXTS, LABELS), 0)


def test_predict_turns_dropout_off_and_on_again():
    net = model()
    net.dropout.p = 0.5
    nn.init.normal_(net.head.weight)
    first, again = (predict(net, in_order(TEXTS, LABELS)) for _ in range(2))
    assert first.equal(again) and net.training
    torch.testing.assert_close(first.sum(dim=1), torch.ones(60))


@pytest.mark.parametrize("body", [GPT, Encoder])
def test_layers_have_every_weight_once_top_to_bottom(body):
    net = model(body)
    names = list(weights_by_layer(net))
    assert names == ["head", "blocks.1", "blocks.0", "embed"]
    ids = [id(w) for weights in weights_by_layer(net).values() for w in weights]
    assert len(ids) == len({*ids}) and {*ids} == {id(w) for w in net.parameters()}
    assert list(weights_by_layer(Tagger(body(TINY), 3))) == names


def test_frozen_layers_do_not_move():
    net = model()
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
    net, seen = model(), []
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
    net = model()
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
    net = model()
    assert trainable(net)[0] == trainable(net)[1]
    freeze(net)
    assert trainable(net)[0] == 16 + 2 * 16 + 2  # the pooling's scores and the head


@pytest.mark.parametrize("body, pooling", [(Encoder, "mean"), (GPT, "last")])
def test_it_learns(body, pooling):
    net = model(body, pooling)
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
