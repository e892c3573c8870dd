"""The models of `transformers`, of whatever version, on the same device."""

import pytest
import torch

from lib.generate import GREEDY, generate

MODELS = {
    "gpt2": [{}, {"n_inner": 40}, {"activation_function": "relu"}],
    "llama": [
        {},
        {"num_key_value_heads": 2},
        {"tie_word_embeddings": True, "rope_theta": 500.0},
    ],
}
CASES = [(kind, options) for kind, each in MODELS.items() for options in each]


@pytest.fixture
def foreign():
    pytest.importorskip("transformers")
    from lib.hub.huggingface import from_hf
    from tests.helpers import foreign

    def make(kind, options, device):
        theirs = getattr(foreign, kind)(**options)
        ours = from_hf(theirs.state_dict(), theirs.config).eval()
        return ours.to(device), theirs.to(device)

    return make


@pytest.mark.parametrize("kind, options", CASES)
def test_scores_and_gradients_are_theirs(kind, options, device, foreign):
    ours, theirs = foreign(kind, options, device)
    ids = torch.randint(61, (2, 40), generator=torch.Generator().manual_seed(1))
    found, expected = ours(ids.to(device)), theirs(ids.to(device)).logits
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    found.square().mean().backward()
    expected.square().mean().backward()
    norms = [
        torch.nn.utils.get_total_norm([w.grad for w in model.parameters()]).item()
        for model in (ours, theirs)
    ]
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)


@pytest.mark.parametrize("kind, options", CASES)
def test_greedy_texts_are_theirs(kind, options, device, foreign):
    ours, theirs = foreign(kind, options, device)
    prompt = torch.arange(9, device=device)
    expected = theirs.generate(
        prompt[None],
        attention_mask=torch.ones_like(prompt)[None],
        max_new_tokens=20,
        do_sample=False,
        use_cache=True,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert generate(ours, prompt, 20, GREEDY).tolist() == expected[0].tolist()
