"""Packing: an example in a row is read as if it stood alone."""

from dataclasses import replace
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.instruct.packing import (
    answer_scores,
    count_examples,
    example_loss,
    pack,
    packed_batches,
    packed_loss,
    read_packed,
    stack,
    stream_packed,
)
from lib.instruct.template import Lesson
from lib.model.gpt import GPT
from lib.train import adamw, train
from lib.train.objectives import evaluate, token_loss
from tests.helpers.models import PRESETS, TINY, configs

CLOSE = {"atol": 1e-5, "rtol": 0}
lengths = st.lists(st.integers(1, 4), min_size=1, max_size=6)


def lesson(length, vocab=11, seed=0, asked=0.5):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(vocab, (length + 1,), generator=generator)
    chosen = torch.rand(length, generator=generator) < asked
    chosen[-1] = True
    return Lesson(ids[:-1], torch.where(chosen, ids[1:], -1))


def examples(lengths, vocab=11):
    return [lesson(length, vocab, seed) for seed, length in enumerate(lengths)]


def model(config=TINY, **changes):
    torch.manual_seed(0)
    return GPT(replace(config, init_std=0.3, **changes)).eval()


def alone(net, one):
    return net(one.ids[None])[0]


def in_rows(net, rows, time):
    """The scores of each example, taken out of its row."""
    ids, _, parts = stack(rows, time)
    scores = read_packed(net, ids, parts)
    for place, row in enumerate(rows):
        start = 0
        for one in row:
            yield one, scores[place, start : start + len(one.ids)]
            start += len(one.ids)


# --- read as if alone


@torch.no_grad()
@given(configs, lengths)
def test_examples_in_a_row_are_read_as_if_alone(config, lengths):
    """Any model: with learned positions, rotary ones, or none."""
    net = model(replace(config, dropout=0.0))
    rows = list(pack(examples(lengths, config.vocab), 8))
    for one, scores in in_rows(net, rows, 8):
        torch.testing.assert_close(scores, alone(net, one), atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", PRESETS)
def test_so_far_into_a_long_row(name):
    """Positions begin anew: the last example is where the first one is."""
    net = model(PRESETS[name], context=512)
    rows = [examples([40] * 12, vocab=64)]
    for one, scores in in_rows(net, rows, 512):
        torch.testing.assert_close(scores, alone(net, one), **CLOSE)


@torch.no_grad()
def test_a_row_without_the_mask_is_another():
    net, rows = model(), [examples([5, 5])]
    ids, _, _ = stack(rows, 12)
    assert (net(ids)[0, 5:10] - alone(net, rows[0][1])).abs().max() > 0.1


def test_the_gradient_is_that_of_the_examples_alone():
    several = examples([3, 5, 2, 4])
    packed, single = model(), model()
    packed_loss(packed, stack(list(pack(several, 8)), 8)).backward()
    targets = sum(int((one.targets >= 0).sum()) for one in several)
    for one in several:
        share = int((one.targets >= 0).sum()) / targets
        batch = one.ids[None], one.targets[None]
        (share * token_loss(single, batch)).backward()
    for ours, theirs in zip(packed.parameters(), single.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, **CLOSE)


# --- rows


def test_a_row_by_hand():
    first = Lesson(torch.tensor([7, 8, 9]), torch.tensor([-1, 9, 4]))
    second = Lesson(torch.tensor([5, 6]), torch.tensor([-1, 3]))
    ids, targets, parts = stack([[first, second], [second]], 6)
    assert ids.tolist() == [[7, 8, 9, 5, 6, 0], [5, 6, 0, 0, 0, 0]]
    assert targets.tolist() == [[-1, 9, 4, -1, 3, -1], [-1, 3, -1, -1, -1, -1]]
    assert parts.tolist() == [[0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 1]]


@given(st.lists(st.integers(1, 9), max_size=12))
def test_every_example_stands_in_a_row_once_and_in_order(lengths):
    several = examples(lengths)
    rows = list(pack(several, 9))
    assert [one for row in rows for one in row] == several
    sizes = [sum(len(one.ids) for one in row) for row in rows]
    assert all(0 < size <= 9 for size in sizes)
    heads = [len(row[0].ids) for row in rows]
    assert all(a + b > 9 for a, b in zip(sizes, heads[1:], strict=False))


def test_a_stream_is_packed_in_its_order_to_its_end():
    given = examples([3, 3, 4, 2, 5])  # rows: 3 + 3, 4 + 2, 5
    batches = list(stream_packed(iter(given), 2, 6))
    assert [len(ids) for ids, _, _ in batches] == [2, 1]
    found = [ids[parts < parts.max()] for ids, _, parts in batches]
    assert found[1].tolist() == given[4].ids.tolist()
    with pytest.raises(ValueError, match="batch must be above 0"):
        stream_packed([], 0, 6)


def test_batches_have_every_example_once_a_round():
    several = [lesson(4, seed=seed) for seed in range(6)]
    batches = list(islice(packed_batches(several, 3, 8, seed=1), 3))  # 2 a row
    assert all(tensor.shape == (3, 8) for batch in batches for tensor in batch)
    rounds = [ids.view(6, 4).tolist() for ids, _, _ in batches]
    known = sorted(one.ids.tolist() for one in several)
    assert [sorted(ids) for ids in rounds] == [known] * 3
    assert rounds[0] != rounds[1] != rounds[2]
    again = next(packed_batches(several, 3, 8, seed=1))
    assert again[0].equal(batches[0][0])
    assert not next(packed_batches(several, 3, 8, seed=2))[0].equal(again[0])


# --- losses


def test_examples_count_alike():
    net, several = model(), examples([2, 9, 4])
    batch = stack(list(pack(several, 12)), 12)
    single = [token_loss(net, (one.ids[None], one.targets[None])) for one in several]
    assert count_examples(batch) == 3
    torch.testing.assert_close(example_loss(net, batch), sum(single) / 3, **CLOSE)
    assert (example_loss(net, batch) - packed_loss(net, batch)).abs() > 1e-3


def test_an_example_without_a_target_does_not_count():
    net, (one, other) = model(), examples([3, 4])
    silent = Lesson(other.ids, torch.full_like(other.targets, -1))
    batch = stack([[one, silent]], 8)
    assert count_examples(batch) == 1
    torch.testing.assert_close(
        example_loss(net, batch), example_loss(net, stack([[one]], 8)), **CLOSE
    )


def test_batches_of_any_cut_have_one_mean():
    net, several = model(), examples([2, 9, 4, 5])
    rows = list(pack(several, 12))
    cut = [stack(rows[:1], 12), stack(rows[1:], 12)]
    for loss, count in ((packed_loss, None), (example_loss, count_examples)):
        options = {"count": count} if count else {}
        whole = evaluate(net, [stack(rows, 12)], loss, **options)
        assert evaluate(net, cut, loss, **options) == pytest.approx(whole, abs=1e-5)


def test_a_model_learns_from_packed_rows():
    net, several = model(), examples([5, 6, 4, 7])
    batches = packed_batches(several, 2, 12)
    history = train(
        net, adamw(net, lr=0.02), batches, 40, objective=example_loss,
        count=count_examples,
    )  # fmt: skip
    assert history.losses[-1] < 0.2 < 1 < history.losses[0]


# --- what is refused


def test_an_example_longer_than_a_row_is_refused():
    message = "must fit a row of 8 tokens, got 9 in number 1"
    with pytest.raises(ValueError, match=message):
        list(pack(examples([3, 9]), 8))
    with pytest.raises(ValueError, match=message):
        packed_batches(examples([3, 9]), 2, 8)


def test_no_example_and_no_row_are_refused():
    with pytest.raises(ValueError, match="examples must hold at least one, got none"):
        packed_batches([], 2, 8)
    with pytest.raises(ValueError, match="batch must be above 0, got 0"):
        packed_batches(examples([3]), 0, 8)


def test_it_is_a_gpt_in_any_wrapper():
    """The mask goes through `forward`, which wrappers hand on."""

    class Wrapped(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, *given, **named):
            return self.inner(*given, **named)

    net, batch = model(), stack([examples([2, 3])], 6)
    whole = answer_scores(Wrapped(net), batch)
    torch.testing.assert_close(answer_scores(net, batch), whole, **CLOSE)
