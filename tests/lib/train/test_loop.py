"""The loop: what a step does, and how a run ends, well or badly."""

import copy
import math
import os
import signal
import threading
from contextlib import contextmanager
from itertools import islice

import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lib.model.attention_only import AttentionOnly
from lib.train import (
    Checkpoint,
    Diverged,
    EarlyStopping,
    Evaluate,
    Every,
    Run,
    adamw,
    cosine,
    load_weights,
    mask_tokens,
    take_step,
    token_loss,
    train,
    windows,
)
from tests.helpers.runs import At, batches, make, run, same

pytestmark = pytest.mark.usefixtures("stop_button")


def test_training_learns_what_can_be_learned():
    torch.manual_seed(0)
    net = AttentionOnly(5, width=16, heads=2, layers=1, rotary=True)
    ids = torch.arange(200) % 5  # each token tells the next
    losses = train(net, adamw(net, lr=0.02), windows(ids, 8, 6), steps=60).losses
    assert len(losses) == 60
    assert losses[0] == pytest.approx(math.log(5), abs=0.1)
    assert losses[-1] < 0.1


def test_the_same_seed_gives_the_same_run():
    assert same(run(), run())
    assert not same(run(), run(drawn=batches(seed=1)))


def test_a_run_is_the_plain_loop_of_the_manual():
    """Loss, clipping, rate and step as PyTorch's documentation writes them."""
    model, optimizer = make()
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10, 0.001)
    losses, norms = [], []
    for x, y in islice(batches(), 10):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.3).item())
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())

    def annealed(step, steps):
        return cosine(step, steps, warm_up=0, floor=0.1)

    ours, _, history = run(clip=0.3, schedule=annealed)
    assert history.losses == pytest.approx(losses, abs=1e-6)
    assert history.norms == pytest.approx(norms, abs=1e-6)
    assert history.rates == [annealed(step, 10) for step in range(10)]
    assert max(norms) > 0.3  # something was clipped
    for weight, theirs in zip(ours.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(weight, theirs, atol=1e-5, rtol=0)


@settings(max_examples=8)
@given(st.sampled_from([2, 3, 4, 6]))
def test_accumulated_batches_are_one_large_batch(parts):
    model, optimizer = make()
    other = copy.deepcopy(model)
    x, y = next(batches(batch=12))
    small = zip(x.chunk(parts), y.chunk(parts), strict=True)
    one = Run(model, optimizer, iter(small), 1, accumulate=parts)
    whole = Run(other, adamw(other, 0.01), iter([(x, y)]), 1)
    assert take_step(one) and take_step(whole)
    assert one.history.losses == pytest.approx(whole.history.losses, abs=1e-6)
    assert one.history.norms == pytest.approx(whole.history.norms, abs=1e-6)
    assert one.history.tokens == whole.history.tokens == 96
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=0)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 8), min_size=4, max_size=4).filter(any))
def test_accumulated_targets_weigh_the_same_in_whatever_batch_they_come(sizes):
    """Four rows with so many targets each, be it none in a whole batch."""
    model, optimizer = make()
    other = copy.deepcopy(model)
    x, y = (tensor.clone() for tensor in next(batches(batch=4)))
    for row, size in zip(y, sizes, strict=True):
        row[size:] = -1
    halves = zip(x.chunk(2), y.chunk(2), strict=True)
    one = Run(model, optimizer, iter(halves), 1, accumulate=2)
    whole = Run(other, adamw(other, 0.01), iter([(x, y)]), 1)
    assert take_step(one) and take_step(whole)
    assert one.history.losses == pytest.approx(whole.history.losses, abs=1e-6)
    assert one.history.norms == pytest.approx(whole.history.norms, abs=1e-6)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=0)


def test_masked_tokens_weigh_the_same_in_whatever_batch_they_come():
    model, optimizer = make()
    drawn = list(islice(mask_tokens(batches(), 0, 7, 0.3), 3))
    run = Run(model, optimizer, iter(drawn), 1, accumulate=3)
    take_step(run)
    ids, targets = (torch.cat(part) for part in zip(*drawn, strict=True))
    whole = token_loss(make()[0], (ids, targets)).item()
    assert run.history.losses == [pytest.approx(whole, abs=1e-6)]
    each = [token_loss(make()[0], batch).item() for batch in drawn]
    assert sum(each) / 3 != pytest.approx(whole, abs=1e-6)  # they differ in number


def test_a_step_without_a_target_is_refused_by_its_number():
    x, y = next(batches())
    drawn = [(x, y), (x, torch.full_like(y, -1))]
    with pytest.raises(ValueError, match=r"batches must have a target .* at step 2"):
        run(drawn=drawn)


def test_an_objective_of_many_numbers_is_refused():
    with pytest.raises(ValueError, match=r"objective must give one number, got .*4,"):
        run(objective=lambda model, batch: model(batch[0]).mean(dim=(1, 2)))


@contextmanager
def one_process():
    """A process group of one, for what asks for a group."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def compiled(model):
    return torch.compile(model, backend="eager")


WRAPPERS = {
    "compiled": compiled,
    "DDP": nn.parallel.DistributedDataParallel,
    "both": lambda model: compiled(nn.parallel.DistributedDataParallel(model)),
}


def plain():
    """A model whose types nothing checks: `torch.compile` trips over such checks."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 8), nn.Linear(8, 7))
    return model, adamw(model, 0.01)


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_wrapped_model_is_trained_as_the_plain_one(kind, tmp_path):
    """Its held-out loss too, and either goes on from a checkpoint of the other."""

    def go(wrap, *hooks):
        model, optimizer = plain()
        found = [Evaluate(2, [next(batches(seed=9))]), EarlyStopping(9), *hooks]
        history = train(wrap(model), optimizer, batches(), 8, callbacks=found)
        return model, optimizer, history

    def fail(run):
        raise ZeroDivisionError

    wrap = WRAPPERS[kind]
    whole = go(as_it_is)
    with one_process():
        assert alike(go(wrap), whole)
        for number, (first, then) in enumerate([(wrap, as_it_is), (as_it_is, wrap)]):
            folder = tmp_path / str(number)
            with pytest.raises(ZeroDivisionError):
                go(first, At(5, fail), Checkpoint(folder, every=2))
            assert alike(go(then, Checkpoint(folder, every=2)), whole)
            other, _ = plain()
            load_weights(wrap(other), folder)
            assert alike((other, *whole[1:]), whole)


def as_it_is(model):
    return model


def alike(one, other):
    """Whether two runs ended with the same numbers but for rounding."""
    a, b = one[0].state_dict(), other[0].state_dict()
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=1e-6, rtol=0)
    assert one[2].losses == pytest.approx(other[2].losses, abs=1e-6)
    held_out = [dict(each[2].held_out) for each in (one, other)]
    assert held_out[0] == pytest.approx(held_out[1], abs=1e-6)
    return True


def test_what_came_before_leaves_no_gradient_behind():
    model, optimizer = make()
    model(next(batches())[0]).sum().backward()
    history = train(model, optimizer, batches(), 10)
    assert same((model, optimizer, history), run())


def test_weights_that_the_optimizer_does_not_have_stay_and_add_up_nothing():
    model, _ = make()
    head = list(model.embed.parameters())
    before = [weight.clone() for weight in model.blocks.parameters()]
    optimizer = torch.optim.SGD(head, lr=1e-9)
    norms = train(model, optimizer, [next(batches())] * 3, 3).norms
    assert norms == pytest.approx([norms[0]] * 3, rel=1e-4)
    after = list(model.blocks.parameters())
    assert all(a.equal(b) for a, b in zip(before, after, strict=True))


def test_each_group_keeps_its_own_rate():
    model, _ = make()
    groups = [{"params": [w], "lr": 0.1 * n} for n, w in enumerate(model.parameters())]
    optimizer = torch.optim.SGD(groups)
    for _ in range(2):  # also when it is used again
        train(model, optimizer, batches(), 5, schedule=lambda step, steps: 0.5)
        rates = [group["lr"] for group in optimizer.param_groups]
        assert rates == pytest.approx([0.05 * n for n in range(len(rates))])


def test_bfloat16_computes_in_half_and_keeps_whole_weights():
    seen = []

    def objective(model, batch):
        logits = model(batch[0])
        seen.append(logits.dtype)
        return nn.functional.cross_entropy(logits.flatten(0, 1), batch[1].flatten())

    model, _, history = run(objective=objective, precision="bfloat16")
    assert set(seen) == {torch.bfloat16}
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert history.losses == pytest.approx(run()[2].losses, abs=0.03)
    assert history.losses != run()[2].losses


def test_no_steps_is_a_run_too():
    assert run(steps=0)[2].losses == []


def test_a_run_ends_with_its_batches():
    few = list(islice(batches(), 7))
    history = run(drawn=few, accumulate=2)[2]
    assert len(history.losses) == 3 and history.stopped == "no more batches"


class Spoiler:
    """An objective that is spoiled at one step, `how` it says."""

    def __init__(self, step, how):
        self.left, self.how = step, how

    def __call__(self, model, batch):
        self.left -= 1
        loss = token_loss(model, batch)
        return self.how(model, loss) if self.left == 0 else loss


def steep(model, loss):
    """A finite loss with a gradient that is not."""
    weight = next(model.parameters())
    return loss + (weight - weight.detach()).abs().sqrt().sum()


@pytest.mark.parametrize(
    "how, words, kept",
    [
        (lambda model, loss: loss * math.nan, "the loss became nan", 4),
        (lambda model, loss: loss * math.inf, "the loss became inf", 4),
        (steep, "the norm of the gradient became", 5),
    ],
)
def test_what_is_not_finite_stops_the_run(how, words, kept):
    """At step 6; NaN in the loss takes back step 5, a steep gradient leaves it."""
    model, optimizer = make()
    weights = []
    keep = At(kept, lambda run: weights.extend(w.detach().clone() for w in run.weights))
    ended = Every(1, lambda run: None)
    options = {"callbacks": [keep, ended], "objective": Spoiler(6, how)}
    with pytest.raises(Diverged, match=f"{words}.* at step 6") as error:
        train(model, optimizer, batches(), 10, **options)
    assert len(error.value.history.losses) == 5
    assert words in error.value.history.stopped
    for weight, good in zip(model.parameters(), weights, strict=True):
        assert weight.equal(good)
    assert len(train(model, optimizer, batches(), 3).losses) == 3  # and can go on


def test_nan_in_a_batch_stops_the_run():
    model = nn.Linear(2, 1)
    drawn = [(torch.ones(3, 2),)] * 3 + [(torch.full((3, 2), math.nan),)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(Diverged, match="the loss became nan at step 4"):
        train(model, optimizer, drawn, 9, objective=lambda m, b: m(*b).square().mean())
    assert all(weight.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("rate", [1e6, 1e30, math.inf])
def test_an_exploding_rate_leaves_finite_weights(rate):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    drawn = [(torch.ones(3, 2),)] * 60
    settings = {"objective": lambda m, b: m(*b).square().mean(), "clip": math.inf}
    with pytest.raises(Diverged, match="became"):
        train(model, optimizer, drawn, 60, schedule=lambda *_: 1.0, **settings)
    assert all(weight.isfinite().all() for weight in model.parameters())
    assert model(torch.ones(3, 2)).square().mean().isfinite()


def test_the_last_step_is_checked_too():
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=math.inf)
    before = copy.deepcopy(model.state_dict())
    drawn, objective = [(torch.ones(3, 2),)], lambda m, b: m(*b).square().mean()
    with pytest.raises(Diverged, match="the norm of the weights became"):
        train(model, optimizer, drawn, 1, objective=objective, schedule=lambda *_: 1.0)
    assert all(model.state_dict()[name].equal(before[name]) for name in before)


def press_stop(*_):
    os.kill(os.getpid(), signal.SIGINT)


def interrupting(objective):
    """An objective in the middle of which the stop button is pressed, at step 4."""
    calls = iter(range(1, 99))

    def interrupted(model, batch):
        if next(calls) == 4:
            press_stop()
        return objective(model, batch)

    return interrupted


def test_a_stop_lets_the_step_end():
    before = signal.getsignal(signal.SIGINT)
    drawn = batches()
    model, optimizer, history = run(drawn=drawn, objective=interrupting(token_loss))
    assert history.stopped == "interrupted" and len(history.losses) == 4
    assert signal.getsignal(signal.SIGINT) is before
    whole = run()[2]
    assert history.losses == whole.losses[:4]
    more = train(model, optimizer, drawn, 2, schedule=lambda *_: 0.1)  # batches go on
    assert len(more.losses) == 2
    fifth = list(islice(batches(), 5))[4]
    assert history.tokens == 4 * fifth[0].numel()


@pytest.mark.parametrize("moved", [0, 1, 3])
def test_a_second_stop_in_the_middle_of_a_step_takes_it_back(moved):
    """Some weights have moved, others not: all get back what they were."""
    model, optimizer = make()
    step, calls, kept = optimizer.step, iter(range(1, 99)), []

    def cut_short():
        if next(calls) < 4:
            return step()
        kept.extend(weight.detach().clone() for weight in model.parameters())
        with torch.no_grad():
            for weight in list(model.parameters())[:moved]:
                weight += 1
        press_stop()
        press_stop()
        raise AssertionError("the second one did not arrive")

    optimizer.step = cut_short
    ended = []
    history = train(model, optimizer, batches(), 10, callbacks=[Ending(ended, "only")])
    assert history.stopped == "interrupted" and len(history.losses) == 3
    assert ended == ["only failed"]
    for weight, good in zip(model.parameters(), kept, strict=True):
        assert weight.equal(good)


def test_a_run_in_another_thread_leaves_ctrl_c_alone():
    found = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    assert same(found[0], run())


class Ending(Every):
    """Writes down its name, and whether the run failed, when it ends."""

    def __init__(self, ended, name, raises=None):
        super().__init__(1, lambda run: None)
        self.ended, self.name, self.raises = ended, name, raises

    def finish(self, run):
        self.ended.append(f"{self.name} {'failed' if run.failed else 'well'}")
        if self.raises:
            raise self.raises


def test_callbacks_are_told_of_every_end_last_one_first():
    ended = []
    run(Ending(ended, "a"), Ending(ended, "b"))
    assert ended == ["b well", "a well"]
    ended.clear()
    with pytest.raises(ZeroDivisionError):
        run(Ending(ended, "a"), At(3, lambda run: 1 / 0), Ending(ended, "b"))
    assert ended == ["b failed", "a failed"]
    ended.clear()
    with pytest.raises(KeyError):  # one that fails at the end keeps none from ending
        run(Ending(ended, "a"), Ending(ended, "b", KeyError("b")))
    assert ended == ["b well", "a well"]


def test_a_run_that_diverged_ends_with_the_best_weights_if_they_were_kept():
    model, optimizer = make()
    kept = []
    keep = Every(1, lambda run: kept.append(copy.deepcopy(model.state_dict())))
    hooks = [Evaluate(1, [next(batches(seed=9))]), EarlyStopping(99), keep]
    spoiler = Spoiler(11, lambda model, loss: loss * math.nan)  # 5 steps, 5 measured
    with pytest.raises(Diverged, match="step 6") as error:
        train(model, optimizer, batches(), 9, callbacks=hooks, objective=spoiler)
    held_out = error.value.history.held_out
    best = min(held_out, key=lambda measured: measured[1])[0]
    assert all(model.state_dict()[k].equal(v) for k, v in kept[best - 1].items())
