"""Other people's configurations: the options of `transformers` as ours."""

from collections.abc import Mapping
from typing import Any

from lib.model.config import GPTConfig

ACTIVATIONS = {  # their name: ours
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
}


def to_config(config: Any) -> GPTConfig:
    """Our configuration for a GPT-2 or a Llama of `transformers`.

    `config` is the object, or the dict in a config.json.
    Raises ValueError that names the option that is missing or that we do not have.
    """
    if not isinstance(config, Mapping) and not hasattr(config, "to_dict"):
        raise ValueError(f"config must be a dict or have a to_dict(), got {config!r}")
    options = config if isinstance(config, Mapping) else config.to_dict()
    readers = {"gpt2": _gpt2, "llama": _llama}
    if (kind := options.get("model_type")) not in readers:
        raise ValueError(f"model_type must be one of {list(readers)}, got {kind!r}")
    return readers[kind](options)


def _gpt2(options: Mapping[str, Any]) -> GPTConfig:
    """GPT2Config; options that may be absent have the defaults that it gives them."""
    _only(options, "scale_attn_weights", True)
    _only(options, "scale_attn_by_inverse_layer_idx", False)
    _only(options, "add_cross_attention", False)
    _only(options, "activation_function", *ACTIVATIONS)
    return GPTConfig(
        vocab=_needed(options, "vocab_size"),
        context=_needed(options, "n_positions"),
        width=_needed(options, "n_embd"),
        layers=_needed(options, "n_layer"),
        heads=_needed(options, "n_head"),
        hidden=options.get("n_inner"),
        positions="learned",
        norm="layer",
        feed_forward=ACTIVATIONS[options.get("activation_function", "gelu_new")],
        bias=True,
        tied=options.get("tie_word_embeddings", True),
        norm_eps=options.get("layer_norm_epsilon", 1e-5),
    )


def _llama(options: Mapping[str, Any]) -> GPTConfig:
    """LlamaConfig; options that may be absent have the defaults that it gives them."""
    _only(options, "hidden_act", "silu")
    _only(options, "attention_bias", False)
    _only(options, "mlp_bias", False)
    _only(options, "partial_rotary_factor", 1.0)
    rope = options.get("rope_scaling") or options.get("rope_parameters") or {}
    _only(rope, "type", "default")
    _only(rope, "rope_type", "default")
    config = GPTConfig(
        vocab=_needed(options, "vocab_size"),
        context=_needed(options, "max_position_embeddings"),
        width=_needed(options, "hidden_size"),
        layers=_needed(options, "num_hidden_layers"),
        heads=_needed(options, "num_attention_heads"),
        kv_heads=options.get("num_key_value_heads"),
        hidden=_needed(options, "intermediate_size"),
        tied=options.get("tie_word_embeddings", False),
        norm_eps=options.get("rms_norm_eps", 1e-6),
        rotary_base=options.get("rope_theta") or rope.get("rope_theta", 10_000.0),
    )
    _only(options, "head_dim", config.dim)
    return config


def _needed(options: Mapping[str, Any], name: str) -> Any:
    if name not in options:
        raise ValueError(f"the configuration lacks {name}")
    return options[name]


def _only(options: Mapping[str, Any], name: str, *known: Any) -> None:
    """Refuse an option that changes the model in a way that ours cannot."""
    value = options.get(name)
    if value is not None and value not in known:
        raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")
