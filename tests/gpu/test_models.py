"""Every model gives and learns on the device what float64 does on the CPU."""

import jaxtyping
import pytest
import torch

from lib.inside import hooks
from lib.model.gpt import GPT
from tests.helpers.devices import IDS, PRESETS, exact, loud, models, moved

MODELS = models()


def apart(model, reference):
    """How far the gradients are from the exact ones, as a share of those."""
    found = [weight.grad for weight in model.parameters()]
    expected = [weight.grad for weight in reference.parameters()]
    assert [g is None for g in found] == [g is None for g in expected]
    pairs = [
        (f.cpu(), e) for f, e in zip(found, expected, strict=True) if e is not None
    ]
    lengths = [[(f - e).norm(), e.norm()] for f, e in pairs]
    error, length = torch.tensor(lengths).norm(dim=0).tolist()
    assert length > 0.1
    return error / length


@pytest.mark.parametrize("name", MODELS)
def test_outputs_and_gradients_are_those_of_float64(name, device):
    make, inputs = MODELS[name]
    model = loud(make()).to(device)
    reference = exact(model)
    found, expected = model(*moved(inputs, device)), reference(*inputs)
    assert found.device.type == device.type and found.dtype == torch.float32
    torch.testing.assert_close(found.cpu().double(), expected, atol=2e-5, rtol=2e-5)
    toward = torch.randn(expected.shape, generator=torch.Generator().manual_seed(4))
    (found * toward.to(device)).sum().backward()
    (expected * toward).sum().backward()
    assert apart(model, reference) < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_half_precision_is_near(name, device):
    make, inputs = MODELS[name]
    model = loud(make(), std=0.1).to(device)
    expected = exact(model)(*inputs)
    with torch.autocast(device.type, torch.bfloat16):
        found = model(*moved(inputs, device))
    assert found.isfinite().all()
    assert (found.cpu() - expected).norm() < 0.05 * expected.norm()


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_seen_inside_is_that_of_float64(preset, device):
    model = loud(GPT(PRESETS[preset])).to(device)
    reference = exact(model)
    found = {"weights": hooks.attention_weights(model, IDS.to(device))}
    expected = {"weights": hooks.attention_weights(reference, IDS)}
    found |= hooks.residual_stream(model, IDS.to(device))
    expected |= hooks.residual_stream(reference, IDS)
    assert list(found) == list(expected) and len(found) == 6
    for name, seen in found.items():
        assert seen.device.type == device.type
        torch.testing.assert_close(
            seen.cpu().double(), expected[name], atol=2e-5, rtol=2e-5
        )


@pytest.mark.parametrize(
    "preset, device",  # on the CPU, `test_plain.py` has the others
    [("small", "cpu")]
    + [pytest.param(preset, "cuda", marks=pytest.mark.gpu) for preset in PRESETS],
    indirect=["device"],
)
def test_a_compiled_model_gives_and_learns_the_same(preset, device, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # checks of shapes
    backend = "inductor" if device.type == "cuda" else "aot_eager"
    model = loud(GPT(PRESETS[preset])).to(device)
    ids, reference = IDS.to(device), exact(model)
    found, expected = torch.compile(model, backend=backend)(ids), reference(IDS)
    torch.testing.assert_close(found.cpu().double(), expected, atol=1e-4, rtol=1e-4)
    found.square().mean().backward()
    expected.square().mean().backward()
    assert apart(model, reference) < 1e-4
