"""Other people's weights: GPT-2's and Llama's of `transformers`, in our GPT."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from lib.hub.huggingface_config import to_config
from lib.model.gpt import GPT

# Where their modules are found in ours; {} is the number of the block. GPT-2 keeps
# queries, keys and values in one matrix.
GPT2_NAMES = {
    "transformer.wte": ["embed.tokens"],
    "transformer.wpe": ["embed.positions"],
    "transformer.h.{}.ln_1": ["blocks.{}.attention.norm"],
    "transformer.h.{}.attn.c_attn": [
        "blocks.{}.attention.part.to_query",
        "blocks.{}.attention.part.to_key",
        "blocks.{}.attention.part.to_value",
    ],
    "transformer.h.{}.attn.c_proj": ["blocks.{}.attention.part.to_output"],
    "transformer.h.{}.ln_2": ["blocks.{}.feed_forward.norm"],
    "transformer.h.{}.mlp.c_fc": ["blocks.{}.feed_forward.part.to_hidden"],
    "transformer.h.{}.mlp.c_proj": ["blocks.{}.feed_forward.part.to_output"],
    "transformer.ln_f": ["norm"],
}
LLAMA_NAMES = {
    "model.embed_tokens": ["embed.tokens"],
    "model.layers.{}.input_layernorm": ["blocks.{}.attention.norm"],
    "model.layers.{}.self_attn.q_proj": ["blocks.{}.attention.part.to_query"],
    "model.layers.{}.self_attn.k_proj": ["blocks.{}.attention.part.to_key"],
    "model.layers.{}.self_attn.v_proj": ["blocks.{}.attention.part.to_value"],
    "model.layers.{}.self_attn.o_proj": ["blocks.{}.attention.part.to_output"],
    "model.layers.{}.post_attention_layernorm": ["blocks.{}.feed_forward.norm"],
    "model.layers.{}.mlp.gate_proj": ["blocks.{}.feed_forward.part.to_gate"],
    "model.layers.{}.mlp.up_proj": ["blocks.{}.feed_forward.part.to_hidden"],
    "model.layers.{}.mlp.down_proj": ["blocks.{}.feed_forward.part.to_output"],
    "model.norm": ["norm"],
}
LM_HEAD = "lm_head.weight"
# Not learned, but stored by some versions: causal masks and frequencies of rotation.
BUFFERS = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq")


def from_hf(state_dict: Mapping[str, Tensor], config: Any) -> GPT:
    """A GPT with the weights of a GPT-2 or a Llama of `transformers`.

    `config` is its configuration: the object, or the dict in its config.json. Weights
    become float32. Dropout, which matters in training alone, is left at 0.
    Raises ValueError that names the option that our GPT does not have, or the weight
    that is missing, not expected or of the wrong shape.
    """
    model = GPT(to_config(config))
    learned = model.config.positions == "learned"
    names = GPT2_NAMES if learned else LLAMA_NAMES
    left = _whole_names(state_dict, "transformer." if learned else "model.")
    found = dict(_translate(left, names, model))
    found["unembed.weight"] = _unembed(left, found["embed.tokens.weight"], model)
    if left:
        raise ValueError(f"weights that were not expected: {sorted(left)}")
    model.load_state_dict(found)
    return model


def _whole_names(state_dict: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The learned weights; names lack the prefix where the bare body was saved."""
    whole = any(name.startswith(prefix) for name in state_dict)
    return {
        name if whole or name == LM_HEAD else prefix + name: weight
        for name, weight in state_dict.items()
        if not name.endswith(BUFFERS)
    }


def _translate(
    left: dict[str, Tensor], names: dict[str, list[str]], model: GPT
) -> Iterator[tuple[str, Tensor]]:
    """Our names and their weights, each taken out of `left`."""
    for theirs, ours in names.items():
        for layer in range(model.config.layers if "{}" in theirs else 1):
            targets = [name.format(layer) for name in ours]
            yield from _cut(left, theirs.format(layer), targets, model)


def _cut(
    left: dict[str, Tensor], theirs: str, ours: list[str], model: GPT
) -> Iterator[tuple[str, Tensor]]:
    """The weight, and bias if any, of one module of theirs, cut into those of ours."""
    parts = [model.get_submodule(name) for name in ours]
    for kind, example in parts[0].named_parameters():
        sizes = [part.get_parameter(kind).size(0) for part in parts]
        source = f"{theirs}.{'bias' if kind == 'bias' else 'weight'}"
        whole = _take(left, source, (sum(sizes), *example.shape[1:]))
        for name, piece in zip(ours, whole.split(sizes), strict=True):
            yield f"{name}.{kind}", piece


def _take(left: dict[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    """One weight of that shape; the matrices of GPT-2's c_... are stored transposed."""
    if name not in left:
        raise ValueError(f"the weight {name} is missing")
    weight = left.pop(name)
    transposed = ".c_" in name
    expected = shape[::-1] if transposed else shape
    if weight.shape != expected or not weight.is_floating_point():
        found = f"{weight.dtype} of shape {tuple(weight.shape)}"
        raise ValueError(f"{name} must be floats of shape {expected}, got {found}")
    return weight.t() if transposed else weight


def _unembed(left: dict[str, Tensor], tokens: Tensor, model: GPT) -> Tensor:
    """The matrix before the scores; where it is tied it need not be there."""
    if model.config.tied and LM_HEAD not in left:
        return tokens
    head = _take(left, LM_HEAD, tuple(model.unembed.weight.shape))
    if model.config.tied and not head.equal(tokens):
        raise ValueError(f"{LM_HEAD} is not the token matrix that the config ties")
    return head
