"""Configurations of `transformers`: what ours has no option for is refused."""

import pytest

from lib.hub.huggingface_config import to_config
from tests.helpers.foreign import GPT2_SIZES, LLAMA_SIZES, gpt2, llama

MODELS = {"gpt2": gpt2, "llama": llama}


@pytest.mark.parametrize("kind", MODELS)
def test_the_object_and_its_dict_say_the_same(kind):
    config = MODELS[kind]().config
    assert to_config(config) == to_config(config.to_dict())


def test_newer_configurations_keep_the_rotary_base_elsewhere():
    rope = {"rope_type": "default", "rope_theta": 500.0}
    options = {"model_type": "llama", **LLAMA_SIZES, "rope_parameters": rope}
    assert to_config(options).rotary_base == 500.0


@pytest.mark.parametrize(
    "kind, options",
    [
        ("gpt2", {"activation_function": "tanh"}),
        ("gpt2", {"scale_attn_weights": False}),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
        ("gpt2", {"add_cross_attention": True}),
        ("gpt2", {"model_type": "bert"}),
        ("llama", {"hidden_act": "gelu"}),
        ("llama", {"attention_bias": True}),
        ("llama", {"mlp_bias": True}),
        ("llama", {"head_dim": 16}),
        ("llama", {"partial_rotary_factor": 0.5}),
        ("llama", {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}),
        ("llama", {"rope_scaling": {"type": "linear", "factor": 2.0}}),
        ("llama", {"rope_parameters": {"rope_type": "yarn"}}),
        ("llama", {"num_key_value_heads": 3}),
    ],
)
def test_options_that_ours_does_not_have_are_refused_by_name(kind, options):
    whole = MODELS[kind]().config.to_dict()
    (name,) = options
    name = {"num_key_value_heads": "kv_heads"}.get(name, name)
    name = "rope_type|type" if name.startswith("rope") else name
    with pytest.raises(ValueError, match=f"^({name}) must be"):
        to_config(whole | options)


@pytest.mark.parametrize("kind, sizes", [("gpt2", GPT2_SIZES), ("llama", LLAMA_SIZES)])
def test_sizes_that_a_configuration_lacks_are_named(kind, sizes):
    whole = {"model_type": kind, **sizes}
    for name in sizes:
        with pytest.raises(ValueError, match=f"lacks {name}"):
            to_config({key: value for key, value in whole.items() if key != name})


def test_what_is_no_configuration_is_refused():
    with pytest.raises(ValueError, match="config must be a dict or have a to_dict"):
        to_config("gpt2")
