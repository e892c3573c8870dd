"""Muon: equal to PyTorch's own, true to its polynomial, and saved whole."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.distributed.tensor import distribute_tensor

from lib.model.gpt import GPT
from lib.train.muon import QUINTIC, Muon, orthogonalize
from lib.train.optimizers import adamw, muon, stack_matrices
from tests.helpers.models import PRESETS, TINY

SHAPES = [(16, 16), (16, 16), (24, 16), (16, 24), (16, 24), (8, 40)]


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def matrices(seed=0):
    return [nn.Parameter(draw(*shape, seed=seed + i)) for i, shape in enumerate(SHAPES)]


def descend(weights, optimizer, steps=4):
    """Steps with gradients that are given, not computed; back come the changes."""
    before = [w.detach().clone() for w in weights]
    for step in range(steps):
        for number, w in enumerate(weights):
            w.grad = draw(*w.shape, seed=100 * step + number)
        optimizer.step()
    return [w.detach() - b for w, b in zip(weights, before, strict=True)]


def by_singular_values(x, rounds=5):
    """The polynomial done where it acts: on the singular values, in float64."""
    u, values, v = torch.linalg.svd(x.double(), full_matrices=False)
    values = values / values.norm(dim=-1, keepdim=True)
    a, b, c = QUINTIC
    for _ in range(rounds):
        values = a * values + b * values**3 + c * values**5
    return (u * values[..., None, :] @ v).float()


# --- Newton-Schulz


@given(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24), st.integers(0, 9))
def test_the_polynomial_acts_on_the_singular_values(stack, rows, columns, seed):
    x = draw(stack, rows, columns, seed=seed)
    found = orthogonalize(x)
    torch.testing.assert_close(found, by_singular_values(x), atol=2e-5, rtol=1e-4)


@given(st.integers(1, 32), st.integers(1, 32), st.floats(-9, 9), st.integers(0, 9))
def test_singular_values_come_near_one_whatever_the_scale(rows, columns, scale, seed):
    x = draw(1, rows, columns, seed=seed)
    u, values, v = torch.linalg.svd(x, full_matrices=False)
    values = values.clamp(min=0.01 * values.norm())  # below, five rounds are too few
    x = 2.0**scale * (u * values @ v)
    values = torch.linalg.svdvals(orthogonalize(x))
    assert values.min() > 0.66 and values.max() < 1.22


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_a_stack_is_done_as_its_matrices_one_by_one(seeds):
    x = torch.stack([draw(12, 20, seed=seed) for seed in seeds])
    one_by_one = torch.cat([orthogonalize(matrix[None]) for matrix in x])
    torch.testing.assert_close(orthogonalize(x), one_by_one, atol=1e-5, rtol=0)


def test_zero_stays_zero():
    assert orthogonalize(torch.zeros(2, 3, 5)).eq(0).all()


# --- the rule


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.0, 0.95])
def test_equals_the_muon_of_torch_as_far_as_bfloat16_goes(weight_decay, momentum):
    options = {"lr": 0.02, "momentum": momentum, "weight_decay": weight_decay}
    ours, theirs = matrices(), matrices()
    found = descend(ours, Muon(ours, **options))
    expected = descend(theirs, torch.optim.Muon(theirs, ns_steps=5, **options))
    for change, reference in zip(found, expected, strict=True):
        assert (change - reference).norm() < 0.02 * reference.norm()


def test_equals_the_muon_of_torch_when_that_is_exact(monkeypatch):
    """With bfloat16 and its rounding taken out of theirs, what is left agrees."""
    exact = lambda x, coefficients, rounds, eps: by_singular_values(x, rounds)  # noqa: E731
    monkeypatch.setattr(torch.optim._muon, "_zeropower_via_newtonschulz", exact)
    options = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    ours, theirs = matrices(), matrices()
    found = descend(ours, Muon(ours, **options))
    expected = descend(theirs, torch.optim.Muon(theirs, **options))
    for change, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(change, reference, atol=1e-5, rtol=0)


def test_each_matrix_moves_as_if_it_were_alone():
    together, alone = matrices(), matrices()
    found = descend(together, Muon(together))
    for number, (weights, change) in enumerate(zip(alone, found, strict=True)):
        optimizer = Muon([weights])
        for step in range(4):
            weights.grad = draw(*weights.shape, seed=100 * step + number)
            optimizer.step()
        expected = weights.detach() - matrices()[number].detach()
        torch.testing.assert_close(change, expected, atol=1e-6, rtol=0)


def test_what_has_no_gradient_stays_and_gets_no_state():
    still, moved = matrices()[:2]
    before, optimizer = still.detach().clone(), Muon([still, moved])
    moved.grad = torch.ones_like(moved)
    optimizer.step()
    assert still.equal(before) and list(optimizer.state) == [moved]


def test_half_precision_weights_are_orthogonalized_in_float32():
    weights = nn.Parameter(draw(16, 24).bfloat16())
    weights.grad = draw(16, 24, seed=1).bfloat16()
    optimizer = Muon([weights])
    optimizer.step()
    assert weights.dtype == torch.bfloat16
    assert optimizer.state[weights]["mean"].dtype == torch.float32


def test_a_closure_is_called_with_gradients_on():
    weights = matrices()[0]
    optimizer = Muon([weights])

    def closure():
        optimizer.zero_grad()
        loss = weights.square().sum()
        loss.backward()
        return loss

    before = weights.square().sum().item()
    assert optimizer.step(closure).item() == pytest.approx(before)
    assert weights.square().sum().item() < before


def test_the_rest_moves_as_under_adamw():
    options = {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}
    ours, theirs = matrices(), matrices()
    found = descend(ours, Muon([{"params": ours, "rule": "adamw", **options}]))
    expected = descend(theirs, torch.optim.AdamW(theirs, **options))
    for change, reference in zip(found, expected, strict=True):
        assert change.equal(reference)


# --- groups of a model


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("tied", [True, False])
def test_every_parameter_is_in_one_group(preset, tied):
    model = GPT(replace(PRESETS[preset], tied=tied))
    for optimizer in (muon(model), adamw(model, lr=0.001)):
        ids = [id(w) for group in optimizer.param_groups for w in group["params"]]
        assert sorted(ids) == sorted({id(w) for w in model.parameters()})


def test_muon_moves_the_matrices_of_the_blocks_and_nothing_else():
    model = GPT(replace(PRESETS["gpt2"], tied=False))
    stack, rest = muon(model, lr=0.03, adam_lr=0.004, weight_decay=0.1).param_groups
    names = {id(weights): name for name, weights in model.named_parameters()}
    expected = [
        name
        for name, weights in model.named_parameters()
        if name.startswith("blocks.") and weights.dim() == 2
    ]
    assert [names[id(weights)] for weights in stack["params"]] == expected
    assert (stack["rule"], stack["lr"], stack["weight_decay"]) == ("muon", 0.03, 0.1)
    assert (rest["rule"], rest["lr"], rest["weight_decay"]) == ("adamw", 0.004, 0.0)


def test_a_matrix_that_layers_share_is_listed_once():
    layers = nn.ModuleList(nn.Linear(4, 4, bias=False) for _ in range(2))
    layers[1].weight = layers[0].weight
    model = nn.ModuleDict({"layers": layers})
    assert stack_matrices(model) == [layers[0].weight]
    (group,) = muon(model).param_groups
    assert group["params"] == [layers[0].weight]


def test_only_matrices_decay_under_adamw():
    model = GPT(PRESETS["gpt2"])
    matrices, vectors = adamw(model, lr=0.001, weight_decay=0.1).param_groups
    assert {w.dim() for w in matrices["params"]} == {2}
    assert {w.dim() for w in vectors["params"]} == {1}
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0.0)


def test_a_model_without_vectors_has_one_group():
    (group,) = adamw(nn.Linear(3, 3, bias=False), lr=0.1).param_groups
    assert len(group["params"]) == 1


# --- saving


def learn(model, optimizer, steps, seed):
    for step in range(steps):
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(seed + step)
        ids = torch.randint(TINY.vocab, (2, 8), generator=generator)
        model(ids).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("make", [muon, lambda model: adamw(model, lr=0.01)])
def test_a_run_goes_on_from_saved_state_bit_by_bit(make):
    torch.manual_seed(0)
    model = GPT(TINY)
    optimizer = make(model)
    learn(model, optimizer, 3, seed=0)
    resumed = copy.deepcopy(model)
    saved = copy.deepcopy(optimizer.state_dict())
    learn(model, optimizer, 3, seed=9)

    loaded = make(resumed)
    loaded.load_state_dict(saved)
    learn(resumed, loaded, 3, seed=9)
    for one, other in zip(model.parameters(), resumed.parameters(), strict=True):
        assert one.equal(other)


def test_a_schedule_moves_the_rates_of_both_rules():
    model = GPT(TINY)
    before = [w.detach().clone() for w in model.parameters()]
    optimizer = muon(model)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    learn(model, optimizer, 2, seed=0)
    assert all(w.equal(b) for w, b in zip(model.parameters(), before, strict=True))


# --- bad input


@pytest.mark.parametrize(
    "options, message",
    [
        ({"lr": -0.1}, "^lr must be at least 0, got lr=-0.1"),
        ({"lr": float("nan")}, "^lr must be at least 0, got lr=nan"),
        ({"momentum": 1.0}, "^momentum must be at least 0 and below 1, got momentum=1"),
        ({"weight_decay": -1.0}, "^weight_decay must be at least 0"),
        ({"rounds": 0}, "^rounds must be at least 1, got rounds=0"),
        ({"rule": "sgd"}, r"^rule must be one of \('muon', 'adamw'\), got rule='sgd'"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        Muon([{"params": matrices(), **options}])


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4)])
def test_what_is_no_matrix_is_refused(shape):
    with pytest.raises(ValueError, match=r"takes matrices, got a parameter of .*4"):
        Muon([nn.Parameter(torch.zeros(shape))])


def test_a_model_without_a_stack_is_refused():
    with pytest.raises(ValueError, match=r"matrices in an nn\.ModuleList"):
        muon(nn.Linear(3, 3))


def test_slices_of_matrices_are_refused():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        mesh = dist.device_mesh.init_device_mesh("cpu", (1,))
        weights = nn.Parameter(distribute_tensor(draw(16, 8), mesh))
        with pytest.raises(ValueError, match="whole matrices, got slices"):
            Muon([weights])
    finally:
        dist.destroy_process_group()
