"""What the tests of devices share. It needs torch and `lib` alone, not hypothesis."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from lib.finetune.classifier import POOLINGS, Classifier, Tagger
from lib.model.attention_only import AttentionOnly
from lib.model.config import GPT2, LLAMA2, SMALL, GPTConfig
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.vectors import SkipGram

VOCAB, TIME = 24, 16
PRESETS = {
    "gpt2": replace(GPT2, vocab=VOCAB, context=TIME, width=32, layers=2, heads=4),
    "llama2": replace(
        LLAMA2,
        vocab=VOCAB,
        context=TIME,
        width=32,
        layers=2,
        heads=4,
        kv_heads=2,
        hidden=40,
    ),
    "small": replace(
        SMALL, vocab=VOCAB, context=TIME, width=32, layers=2, heads=2, hidden=48
    ),
}
IDS = torch.randint(VOCAB, (3, 12), generator=torch.Generator().manual_seed(1))
LENGTHS = [12, 5, 8]
OTHERS = torch.randint(VOCAB, (12, 6), generator=torch.Generator().manual_seed(2))


def loud(model: nn.Module, seed: int = 0, std: float = 0.2) -> nn.Module:
    """Weights of a size at which a mistake cannot hide; what scales is near 1."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        mean = float("norm" in name and name.endswith("weight"))
        with torch.no_grad():
            weight.normal_(mean, std, generator=generator)
    return model


def models() -> dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]]:
    """By name: how a model is made, and what it is given."""
    made: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {}
    for name, config in PRESETS.items():
        made[f"GPT {name}"] = lambda c=config: GPT(c), (IDS,)
        made[f"Encoder {name}"] = lambda c=config: Encoder(c), (IDS,)
        made[f"Encoder {name}, padded"] = lambda c=config: Encoder(c), (IDS, LENGTHS)
    config = PRESETS["small"]
    for pooling in POOLINGS:
        made[f"Classifier {pooling}"] = (
            lambda p=pooling: Classifier(Encoder(config), 3, p),
            (IDS, LENGTHS),
        )
    made["Classifier of a GPT"] = (
        lambda: Classifier(GPT(config), 2, "last"),
        (IDS, LENGTHS),
    )
    made["Tagger"] = lambda: Tagger(Encoder(config), 4), (IDS, LENGTHS)
    made["AttentionOnly"] = lambda: AttentionOnly(VOCAB, 32, 4, 2), (IDS,)
    made["AttentionOnly rotary"] = (
        lambda: AttentionOnly(VOCAB, 32, 4, 2, rotary=True),
        (IDS,),
    )
    made["SkipGram"] = lambda: SkipGram(VOCAB, 16), (IDS[0], OTHERS)
    return made


def exact(model: nn.Module) -> nn.Module:
    """A copy on the CPU in float64, to compare with."""
    return deepcopy(model).cpu().double()


def moved(inputs: tuple[Any, ...], device: torch.device) -> tuple[Any, ...]:
    """The inputs of a model, tensors on the device."""
    return tuple(x.to(device) if isinstance(x, Tensor) else x for x in inputs)


def learnable(vocab: int = VOCAB, length: int = 600) -> Tensor:
    """A text in which most tokens follow from the one before."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.arange(length) * 5 % vocab
    strange = torch.rand(length, generator=generator) < 0.1
    noise = torch.randint(vocab, (length,), generator=generator)
    return torch.where(strange, noise, ids)


def small(dropout: float = 0.0) -> GPTConfig:
    """The book's own recipe in miniature."""
    return replace(PRESETS["small"], dropout=dropout)
