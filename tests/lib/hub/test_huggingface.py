"""Weights of `transformers`' GPT-2 and Llama: the same scores, the same words."""

import pytest
import torch
from torch import nn

from lib.hub.huggingface import from_hf
from tests.helpers.foreign import GPT2_SIZES, LLAMA_SIZES, gpt2, llama

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@torch.no_grad()
def greedy(model, ids, tokens):
    """The likeliest token, again and again."""
    for _ in range(tokens):
        ids = torch.cat([ids, model(ids)[:, -1:].argmax(-1)], dim=1)
    return ids


def check_equal(theirs, seed=0):
    """The same scores to 1e-5 and the same greedy words; gives our model."""
    ours = from_hf(theirs.state_dict(), theirs.config).eval()
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(61, (3, 40), generator=generator)
    scores = theirs(ids).logits
    assert scores.std() > 0.5
    torch.testing.assert_close(ours(ids), scores, **CLOSE)
    words = greedy(lambda x: theirs(x).logits, ids[:, :10], 12)
    assert greedy(ours, ids[:, :10], 12).equal(words)
    expected = theirs.generate(
        ids[:1, :10], max_new_tokens=12, do_sample=False, eos_token_id=None
    )
    assert greedy(ours, ids[:1, :10], 12).equal(expected)
    return ours


# --- parity


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("tied", [True, False])
def test_equals_gpt2(seed, tied):
    ours = check_equal(gpt2(seed, tie_word_embeddings=tied), seed)
    assert (ours.unembed.weight is ours.embed.tokens.weight) == tied


@pytest.mark.parametrize(
    "options",
    [
        {"n_inner": 20},
        {"layer_norm_epsilon": 0.1},
        {"activation_function": "gelu"},
        {"activation_function": "relu"},
        {"activation_function": "gelu_pytorch_tanh"},
    ],
)
def test_equals_gpt2_with_other_options(options):
    check_equal(gpt2(**options))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("tied", [True, False])
def test_equals_llama(seed, kv_heads, tied):
    theirs = llama(seed, num_key_value_heads=kv_heads, tie_word_embeddings=tied)
    ours = check_equal(theirs, seed)
    assert (ours.unembed.weight is ours.embed.tokens.weight) == tied


@pytest.mark.parametrize("options", [{"rms_norm_eps": 0.1}, {"rope_theta": 500.0}])
def test_equals_llama_with_other_options(options):
    check_equal(llama(**options))


# --- the forms in which weights come


def test_the_configuration_may_be_a_dict_with_only_what_matters():
    """As in config.json, where what has its default is left out."""
    ids = torch.randint(61, (2, 20))
    theirs, options = gpt2(), {"model_type": "gpt2", **GPT2_SIZES}
    ours = from_hf(theirs.state_dict(), options).eval()
    torch.testing.assert_close(ours(ids), theirs(ids).logits, **CLOSE)
    theirs, options = llama(), {"model_type": "llama", **LLAMA_SIZES}
    ours = from_hf(theirs.state_dict(), options).eval()
    torch.testing.assert_close(ours(ids), theirs(ids).logits, **CLOSE)


def test_a_model_saved_without_its_head():
    """The form of the published GPT-2: no prefix, no head, causal masks stored."""
    theirs = gpt2()
    weights = theirs.transformer.state_dict()
    for layer in range(3):
        weights[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 48, 48).tril()
        weights[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    ids = torch.randint(61, (2, 20))
    ours = from_hf(weights, theirs.config).eval()
    torch.testing.assert_close(ours(ids), theirs(ids).logits, **CLOSE)


def test_half_precision_becomes_float32():
    theirs = llama().to(torch.bfloat16)
    ours = from_hf(theirs.state_dict(), theirs.config)
    assert {weight.dtype for weight in ours.parameters()} == {torch.float32}
    assert ours.norm.weight.equal(theirs.model.norm.weight.float())


def test_the_weights_are_copies():
    theirs = gpt2()
    before = theirs.transformer.wte.weight.clone()
    nn.init.zeros_(from_hf(theirs.state_dict(), theirs.config).embed.tokens.weight)
    assert theirs.transformer.wte.weight.equal(before)


# --- bad weights

MODELS = {"gpt2": gpt2, "llama": llama}


@pytest.mark.parametrize("kind", MODELS)
def test_a_missing_weight_is_named(kind):
    model = MODELS[kind](tie_word_embeddings=False)
    for name in model.state_dict():
        weights = dict(model.state_dict())
        del weights[name]
        with pytest.raises(ValueError, match=f"weight {name} is missing"):
            from_hf(weights, model.config)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", MODELS)
def test_a_weight_of_the_wrong_shape_is_named(kind, tied):
    model = MODELS[kind](tie_word_embeddings=tied)
    for name, weight in model.state_dict().items():
        wrong = {name: torch.zeros(*weight.shape[:-1], 7)}
        with pytest.raises(ValueError, match=rf"^{name} must be .*, got .*7,?\)$"):
            from_hf(model.state_dict() | wrong, model.config)


@pytest.mark.parametrize("kind", MODELS)
def test_weights_that_were_not_expected_are_named(kind):
    model = MODELS[kind]()
    extra = {"h.9.ln_1.weight": torch.zeros(3), "classifier": torch.zeros(3)}
    with pytest.raises(ValueError, match=r"not expected: .*classifier.*ln_1\.weight"):
        from_hf(dict(model.state_dict()) | extra, model.config)


@pytest.mark.parametrize("kind", MODELS)
def test_the_weights_of_a_deeper_model_are_refused(kind):
    model = MODELS[kind]()
    layers = {"gpt2": "n_layer", "llama": "num_hidden_layers"}[kind]
    with pytest.raises(ValueError, match=r"not expected: .*\.2\."):
        from_hf(model.state_dict(), model.config.to_dict() | {layers: 2})
    with pytest.raises(ValueError, match=r"weight .*\.3\..* is missing"):
        from_hf(model.state_dict(), model.config.to_dict() | {layers: 4})


def test_whole_numbers_are_no_weights():
    model = gpt2()
    weights = dict(model.state_dict())
    weights["transformer.ln_f.bias"] = torch.zeros(32, dtype=torch.int8)
    with pytest.raises(
        ValueError, match=r"ln_f\.bias must be floats .* got torch\.int8"
    ):
        from_hf(weights, model.config)


def test_a_tied_head_must_be_the_token_matrix():
    model = llama()  # untied
    with pytest.raises(ValueError, match=r"lm_head\.weight is not the token matrix"):
        from_hf(
            model.state_dict(), model.config.to_dict() | {"tie_word_embeddings": True}
        )
