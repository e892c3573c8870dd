"""Pretrained models: small ones that come with this book, made by its own recipes.

Beside the weights (safetensors: an encoder's in half precision, a GPT's in eight bits)
stands a card: what the model is, what it read, how long that took, how well it does,
and the command that makes it again.
"""

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from lib.hub.int8 import from_int8, to_int8
from lib.model.config import GPTConfig
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.modes import unwrap
from lib.tokens.description import (
    Tokenizer,
    WritingTokenizer,
    describe,
    from_description,
)
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.tokens.word_tokenizer import WordTokenizer

FOLDER = Path(__file__).parent / "pretrained"
FORMAT = "inside-gpt pretrained 2"
KINDS = {"encoder": Encoder, "gpt": GPT}
LOADED_BY = {"format", "kind", "config", "sha256"}
LOADED_BY |= {"alphabet", "words", "merges", "special"}  # what describes the tokens


class PretrainedEncoder(NamedTuple):
    """An encoder, the words it learned with, and the card that describes it."""

    model: Encoder
    tokenizer: WordTokenizer
    card: dict[str, Any]


class PretrainedGPT(NamedTuple):
    """A GPT, the tokens it learned with, and the card that describes it."""

    model: GPT
    tokenizer: WritingTokenizer
    card: dict[str, Any]


def names(kind: str | None = None, folder: str | Path = FOLDER) -> list[str]:
    """The models that there are, of one kind ("encoder", "gpt") or of all."""
    found = []
    for path in sorted(Path(folder).expanduser().glob("*.safetensors")):
        try:
            known = _card(path)["kind"]
        except (OSError, ValueError):
            known = kind  # damaged: loading it says so
        if kind in (None, known):
            found.append(path.stem)
    return found


def megabytes(name: str, folder: str | Path = FOLDER) -> str:
    """How much of a model a reader has to load: "0.6", or "6"."""
    size = Path(folder, f"{name}.safetensors").expanduser().stat().st_size / 1e6
    return f"{size:.1f}" if size < 1 else f"{size:.0f}"


def load_encoder(name: str, folder: str | Path = FOLDER) -> PretrainedEncoder:
    """An encoder in float32, ready to use or to be trained further.

    Raises ValueError for an unknown name and for a damaged file.
    """
    return PretrainedEncoder(*_load(name, "encoder", folder))


def load_gpt(name: str, folder: str | Path = FOLDER) -> PretrainedGPT:
    """A GPT in float32, from its eight bits, ready to write or to be trained further.

    Raises ValueError for an unknown name and for a damaged file.
    """
    return PretrainedGPT(*_load(name, "gpt", folder))


def save_pretrained(
    name: str,
    model: nn.Module,
    tokenizer: Tokenizer,
    about: dict[str, Any],
    folder: str | Path = FOLDER,
) -> None:
    """Write the weights and the card: `about`, and what it must have.

    The model is an `Encoder` with a `WordTokenizer`, or a `GPT` with a
    `BytePairTokenizer` or a `CharacterTokenizer`, wrapped or not; a tied matrix is
    written once. Raises
    ValueError when it is another model, does not have a vector for each token, has
    other weights than its configuration says (adapters, see
    `lib.finetune.lora.unload`), or one that half precision cannot hold.
    """
    kind, model = _known(unwrap(model), tokenizer)
    if model.config.vocab != len(tokenizer):
        raise ValueError(
            f"model has {model.config.vocab} tokens, the tokenizer {len(tokenizer)}"
        )
    weights = _in_half(model)
    if kind == "gpt":
        weights = _in_eight_bits(model, weights)
    data = save(weights)
    card = about | {
        "format": FORMAT,
        "kind": kind,
        "config": asdict(model.config),
        "sha256": sha256(data).hexdigest(),
        **describe(tokenizer),
    }
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    path.write_bytes(data)
    _write_card(path, card)


def add_to_card(name: str, more: dict[str, Any], folder: str | Path = FOLDER) -> None:
    """Write on a card what was measured of its weights later.

    Raises ValueError where there is no such card, and for entries that the weights are
    loaded by.
    """
    path = Path(folder).expanduser() / f"{name}.safetensors"
    if not path.with_suffix(".json").is_file():
        raise ValueError(f"name must be a model of the hub, got {name!r}")
    if taken := LOADED_BY.intersection(more):
        raise ValueError(f"more must not have {sorted(taken)}: a model is loaded by it")
    _write_card(path, _card(path) | more)


def _known(model: nn.Module, tokenizer: object) -> tuple[str, GPT]:
    """Which of `KINDS` the model is, and the model.

    Raises ValueError for a model of none, or with another's tokenizer.
    """
    kinds = [kind for kind, each in KINDS.items() if type(model) is each]
    if not kinds or not isinstance(model, GPT):  # as each of them is
        raise ValueError(
            f"model must be an Encoder or a GPT, got {type(model).__name__}"
        )
    expected = [WordTokenizer]
    if kinds == ["gpt"]:
        expected = [BytePairTokenizer, CharacterTokenizer]
    if type(tokenizer) not in expected:
        raise ValueError(
            f"tokenizer of a {type(model).__name__} must be a "
            f"{' or a '.join(each.__name__ for each in expected)}, "
            f"got {type(tokenizer).__name__}"
        )
    return kinds[0], model


def _in_half(model: GPT) -> dict[str, Tensor]:
    """The model's weights in half precision, if they are those of its configuration."""
    weights = {n: w.detach().half().contiguous() for n, w in model.named_parameters()}
    with torch.device("meta"):
        expected = dict(type(model)(model.config).named_parameters())
    if odd := sorted(weights.keys() ^ expected.keys())[:5]:
        raise ValueError(f"model must have the weights of its configuration, not {odd}")
    if large := [n for n, weight in weights.items() if not weight.isfinite().all()]:
        raise ValueError(f"weights must fit into half precision, not so {large[:5]}")
    return weights


def _in_eight_bits(model: GPT, half: dict[str, Tensor]) -> dict[str, Tensor]:
    """Matrices in eight bits, each with a scale for a row; the rest as it is."""
    stored = dict(half)
    for name, weight in model.named_parameters():
        if weight.dim() == 2:
            stored[name], stored[f"{name}.scale"] = to_int8(weight.detach())
    return stored


def _load(name: str, kind: str, folder: str | Path) -> tuple[Any, Any, dict[str, Any]]:
    known = names(kind, folder)
    if name not in known:
        raise ValueError(f"name must be one of {known}, got {name!r}")
    path = Path(folder).expanduser() / f"{name}.safetensors"
    try:
        card = _card(path)
        model = _read(path, card)
        tokenizer = from_description(card)
        if len(tokenizer) != model.config.vocab:
            raise ValueError(f"{len(tokenizer)} tokens for {model.config.vocab} rows")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ValueError(f"{path} or its card is damaged: {error}") from error
    return model.eval(), tokenizer, card


def _write_card(path: Path, card: dict[str, Any]) -> None:
    """Beside the weights, in the order of the alphabet."""
    text = json.dumps(card, indent=1, ensure_ascii=False, sort_keys=True)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def _card(path: Path) -> dict[str, Any]:
    """The card of some weights; ValueError where it is none."""
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ValueError(f"the card is not of the format {FORMAT!r}")
    if card.get("kind") not in KINDS:
        raise ValueError(f"the card's kind is not one of {list(KINDS)}")
    return card


def _read(path: Path, card: dict[str, Any]) -> GPT:
    """The model, if weights and card belong together and nothing is missing."""
    data = path.read_bytes()
    if sha256(data).hexdigest() != card["sha256"]:
        raise ValueError("the SHA-256 of the weights is not the card's")
    weights = load(data)
    for name in [name for name in weights if name.endswith(".scale")]:
        scale = weights.pop(name)
        matrix = name.removesuffix(".scale")
        weights[matrix] = from_int8(weights[matrix], scale)
    model = KINDS[card["kind"]](GPTConfig(**card["config"]))
    ours = dict(model.named_parameters())
    found = {(name, weight.shape) for name, weight in weights.items()}
    if odd := found ^ {(name, weight.shape) for name, weight in ours.items()}:
        raise ValueError(f"weights are missing or of another shape: {sorted(odd)[:5]}")
    with torch.no_grad():
        for name, weight in ours.items():
            weight.copy_(weights[name])
    return model
