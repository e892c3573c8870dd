"""Heads: pooling by hand, padding that counts for nothing, parity with transformers."""

from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
from torch import nn
from transformers import GPT2Config, GPT2ForSequenceClassification

from lib.finetune.classifier import (
    POOLINGS,
    Classifier,
    Tagger,
    classification_loss,
    predict,
)
from lib.finetune.labeled import class_weights, in_order
from lib.hub import huggingface
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from tests.helpers.classifiers import LABELS, TEXTS, small
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
    with pytest.raises(ValueError, match=r"pooling must be one of .*got 'sum'"):
        Classifier(Encoder(TINY), 2, pooling="sum")
    for make in (Classifier, Tagger):
        with pytest.raises(ValueError, match="at least 2 classes or tags, got 1"):
            make(Encoder(TINY), 1)
    with pytest.raises(ValueError, match=r"above 0 and at most 8, got \[8, 0, 3\]"):
        classifier()(ids(), [8, 0, 3])


def loss_of(net, weights=None):
    batch = next(in_order(TEXTS, LABELS))
    return classification_loss(net, batch, weights)


def test_the_loss_is_the_mean_surprise():
    net = small()
    assert loss_of(net).item() == pytest.approx(torch.tensor(2.0).log().item())
    nn.init.normal_(net.head.weight)
    chances = predict(net.eval(), in_order(TEXTS, LABELS, batch=7))
    expected = -chances[range(60), LABELS].log().mean()
    torch.testing.assert_close(loss_of(net), expected)


def test_weighted_classes_count_alike():
    labels = [0] * 45 + [1] * 15
    net, batch = small(), next(in_order(TEXTS, labels))
    nn.init.normal_(net.head.weight)
    weights = class_weights(labels, 2)
    losses = -predict(net, [batch])[range(60), labels].log()
    expected = (losses[:45].mean() + losses[45:].mean()) / 2
    torch.testing.assert_close(classification_loss(net, batch, weights), expected)


@pytest.mark.parametrize("together", [1, 7, 100])
def test_predict_keeps_the_order_of_texts_of_any_length(together):
    net = small()
    nn.init.normal_(net.head.weight)
    texts = [ids * (1 + n % 5) for n, ids in enumerate(TEXTS[:30])]
    batches = in_order(texts, LABELS[:30], batch=25)
    alone = [net(torch.tensor([ids])).softmax(dim=-1) for ids in texts]
    torch.testing.assert_close(predict(net, batches, together), torch.cat(alone))


def test_predict_needs_some_texts_at_a_time():
    with pytest.raises(ValueError, match="together must be above 0, got 0"):
        predict(small(), in_order(TEXTS, LABELS), 0)


def test_predict_turns_dropout_off_and_on_again():
    net = small()
    net.dropout.p = 0.5
    nn.init.normal_(net.head.weight)
    first, again = (predict(net, in_order(TEXTS, LABELS)) for _ in range(2))
    assert first.equal(again) and net.training
    torch.testing.assert_close(first.sum(dim=1), torch.ones(60))


def test_each_part_gets_back_its_mode():
    net = small().train()
    net.pool.eval()
    before = {name: part.training for name, part in net.named_modules()}
    predict(net, in_order(TEXTS, LABELS))
    assert {name: part.training for name, part in net.named_modules()} == before

    def broken():
        yield next(in_order(TEXTS, LABELS))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        predict(net, broken())
    assert {name: part.training for name, part in net.named_modules()} == before


DTYPES = {
    torch.float64: 1e-6,
    torch.float32: 1e-6,
    torch.float16: 5e-3,
    torch.bfloat16: 5e-2,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_precision_finds_the_same(pooling, dtype):
    net, batch = small(pooling=pooling).double(), next(in_order(TEXTS, LABELS))
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.3)
    weights = class_weights(LABELS, 2)
    chances, loss = predict(net, [batch]), classification_loss(net, batch, weights)
    net.to(dtype)
    close = {"atol": DTYPES[dtype], "rtol": DTYPES[dtype], "check_dtype": False}
    torch.testing.assert_close(predict(net, [batch]), chances, **close)
    found = classification_loss(net, batch, weights)
    torch.testing.assert_close(found, loss, **close)
    found.backward()
    assert all(w.grad.isfinite().all() for w in net.parameters() if w.grad is not None)
    tagger = Tagger(Encoder(TINY), 2).to(dtype)
    assert tagger(batch[0], batch[1]).dtype == dtype


@pytest.mark.parametrize("pooling", POOLINGS)
def test_autocast_finds_nearly_the_same(pooling):
    net, batch = loud(small(pooling=pooling)), next(in_order(TEXTS, LABELS))
    weights = class_weights(LABELS, 2)
    chances, loss = predict(net, [batch]), classification_loss(net, batch, weights)
    with torch.autocast("cpu", torch.bfloat16):
        found = predict(net, [batch])
        half = classification_loss(net, batch, weights)
    half.backward()
    torch.testing.assert_close(found, chances, atol=0.05, rtol=0.05)
    torch.testing.assert_close(half, loss, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("wrapped", ["compiled", "DDP"])
def test_a_wrapped_model_is_the_model(wrapped, one_process):
    net = loud(small())
    batches = [*in_order(TEXTS, LABELS, 20)]
    chances = predict(net, batches)
    loss = classification_loss(net, batches[0])
    kinds = {
        "compiled": lambda: torch.compile(net, backend="eager"),
        "DDP": lambda: nn.parallel.DistributedDataParallel(net),
    }
    other = kinds[wrapped]()
    # The wrappers are tested here; shapes checked while compiling would be in the way.
    with torch.compiler.set_stance("force_eager"):
        torch.testing.assert_close(predict(other, batches), chances)
        torch.testing.assert_close(classification_loss(other, batches[0]), loss)


@pytest.fixture
def one_process(tmp_path):
    """A group of one process, which DDP asks for."""
    dist.init_process_group(
        "gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1
    )
    yield
    dist.destroy_process_group()


KINDS = (torch.bool, torch.uint8, torch.int16, torch.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_may_be_of_any_whole_kind(kind):
    net = loud(small())
    expected = next(in_order(TEXTS, LABELS))
    labels = torch.tensor(LABELS, dtype=kind)
    for given in (labels, labels.numpy(), [*labels], labels.tolist()):
        batch = next(in_order(TEXTS, given))
        assert all(a.equal(b) for a, b in zip(batch, expected, strict=True))
    direct = (*expected[:2], labels)
    loss = classification_loss(net, expected)
    torch.testing.assert_close(classification_loss(net, direct), loss)
    assert class_weights(labels, 2).equal(class_weights(LABELS, 2))


def test_bad_batches_are_named():
    net, (texts, lengths, labels) = small(), next(in_order(TEXTS, LABELS))
    with pytest.raises(ValueError, match="at least one batch, got none"):
        predict(net, [])
    with pytest.raises(ValueError, match="at least one text, got none"):
        net(texts[:0])
    with pytest.raises(ValueError, match=r"60 texts need a length each, got \[4\]"):
        net(texts, [4])
    with pytest.raises(ValueError, match=r"at most 4, got .*5"):
        net(texts, [5] * 60)
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.1, got \[2\]"):
        classification_loss(net, (texts, lengths, 2 * labels))
