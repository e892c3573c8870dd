"""Text written on the device is the text that the CPU writes, token for token."""

import copy

import pytest
import torch

from lib.generate import GREEDY, Beams, Sampling, generate, stream
from lib.model.gpt import GPT
from tests.helpers.devices import PRESETS, TIME, VOCAB, exact, loud

PROMPTS = [
    torch.randint(VOCAB, (n,), generator=torch.Generator().manual_seed(n))
    for n in (4, 7, 2)
]
DRAWS = {
    "sampled": Sampling(),
    "cut": Sampling(0.8, top_k=9, top_p=0.9, repetition_penalty=1.3),
    "unlikely left out": Sampling(1.2, min_p=0.05),
}


def new_tokens(preset):
    """As many as learned positions allow; rotary ones go on past the context."""
    learned = PRESETS[preset].positions == "learned"
    return TIME - 7 if learned else TIME + 4


def make(preset):
    return loud(GPT(PRESETS[preset]), std=0.3).eval()


def on_the_cpu(texts):
    return [text.cpu().tolist() for text in texts]


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("preset", PRESETS)
def test_the_likeliest_tokens_are_those_of_float64(preset, cached, device):
    model, many = make(preset), new_tokens(preset)
    reference = exact(model)
    expected = generate(reference, PROMPTS, many, GREEDY, cached=False)
    model = model.to(device)
    prompts = [prompt.to(device) for prompt in PROMPTS]
    found = generate(model, prompts, many, GREEDY, cached=cached)
    assert {text.device.type for text in found} == {device.type}
    assert on_the_cpu(found) == on_the_cpu(expected)
    alone = generate(model, prompts[0], many, GREEDY, cached=cached)
    assert alone.tolist() == expected[0].tolist()


@pytest.mark.parametrize("how", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("preset", PRESETS)
def test_draws_are_those_of_the_cpu(preset, how, device):
    model, many = make(preset), new_tokens(preset)
    expected = generate(copy.deepcopy(model), PROMPTS, many, how, seed=3, cached=False)
    model = model.to(device)
    prompts = [prompt.to(device) for prompt in PROMPTS]
    found = generate(model, prompts, many, how, seed=3)
    assert on_the_cpu(found) == on_the_cpu(expected)
    streamed = stream(model, prompts[0], many, how, seed=3)
    assert [*PROMPTS[0].tolist(), *streamed] == expected[0].tolist()


@pytest.mark.parametrize("preset", PRESETS)
def test_beams_are_those_of_float64(preset, device):
    model, many = make(preset), new_tokens(preset)
    how = Beams(3, length_penalty=0.8)
    expected = generate(exact(model), PROMPTS, many, how, stop=[5], cached=False)
    prompts = [prompt.to(device) for prompt in PROMPTS]
    found = generate(model.to(device), prompts, many, how, stop=[5])
    assert on_the_cpu(found) == on_the_cpu(expected)
