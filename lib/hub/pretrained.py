"""Pretrained models: small ones that come with this book, made by its own recipes.

Beside the weights (half precision, safetensors) stands a card: what the model is, what
it read, how long that took, how well it does, and the command that makes it again.
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

from lib.model.config import GPTConfig
from lib.model.encoder import Encoder
from lib.model.modes import unwrap
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer

FOLDER = Path(__file__).parent / "pretrained"
FORMAT = "inside-gpt pretrained 1"


class Pretrained(NamedTuple):
    """An encoder, the tokenizer it learned with, and the card that describes it."""

    model: Encoder
    tokenizer: WordTokenizer
    card: dict[str, Any]


def names(folder: str | Path = FOLDER) -> list[str]:
    """The models that `load_pretrained` knows."""
    files = Path(folder).expanduser().glob("*.safetensors")
    return sorted(path.stem for path in files)


def load_pretrained(
    name: str, tokenizer: WordTokenizer | None = None, folder: str | Path = FOLDER
) -> Pretrained:
    """A pretrained model in float32, ready to use or to be trained further.

    Raises ValueError for an unknown name, a damaged file, and a `tokenizer` with
    another vocabulary than the one the model learned with.
    """
    if name not in names(folder):
        raise ValueError(f"name must be one of {names(folder)}, got {name!r}")
    path = Path(folder).expanduser() / f"{name}.safetensors"
    try:
        card, model = _read(path)
        known = WordTokenizer(card["vocabulary"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ValueError(f"{path} or its card is damaged: {error}") from error
    if tokenizer is not None and tokenizer.tokens != known.tokens:
        raise ValueError(
            f"tokenizer must have the {len(known)} words that {name!r} learned with, "
            f"got {len(tokenizer)} words, {_first_other(known, tokenizer)}"
        )
    return Pretrained(model.eval(), known, card)


def save_pretrained(
    name: str,
    model: nn.Module,
    tokenizer: WordTokenizer,
    about: dict[str, Any],
    folder: str | Path = FOLDER,
) -> None:
    """Write the weights in half precision and the card: `about`, and what it must have.

    The model is an `Encoder`, wrapped or not; a tied matrix is written once. Raises
    ValueError when it is another model, does not have a vector for each word, has other
    weights than its configuration says (adapters, see `lib.finetune.lora.unload`), or
    one that half precision cannot hold.
    """
    model = unwrap(model)
    if not isinstance(model, Encoder):
        raise ValueError(f"model must be an Encoder, got {type(model).__name__}")
    if model.config.vocab != len(tokenizer):
        raise ValueError(
            f"model has {model.config.vocab} words, the tokenizer {len(tokenizer)}"
        )
    weights = _in_half(model)
    data = save(weights)
    card = about | {
        "format": FORMAT,
        "config": asdict(model.config),
        "sha256": sha256(data).hexdigest(),
        "vocabulary": tokenizer.tokens[len(SPECIAL) :],
    }
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(data)
    text = json.dumps(card, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _in_half(model: Encoder) -> dict[str, Tensor]:
    """The model's weights in half precision, if they are those of its configuration."""
    weights = {n: w.detach().half().contiguous() for n, w in model.named_parameters()}
    with torch.device("meta"):
        expected = dict(Encoder(model.config).named_parameters())
    if odd := sorted(weights.keys() ^ expected.keys())[:5]:
        raise ValueError(f"model must have the weights of its configuration, not {odd}")
    if large := [n for n, weight in weights.items() if not weight.isfinite().all()]:
        raise ValueError(f"weights must fit into half precision, not so {large[:5]}")
    return weights


def _read(path: Path) -> tuple[dict[str, Any], Encoder]:
    """The card and the model, if they belong together and nothing is missing."""
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ValueError(f"the card is not of the format {FORMAT!r}")
    data = path.read_bytes()
    if sha256(data).hexdigest() != card["sha256"]:
        raise ValueError("the SHA-256 of the weights is not the card's")
    weights = load(data)
    model = Encoder(GPTConfig(**card["config"]))
    ours = dict(model.named_parameters())
    found = {(name, weight.shape) for name, weight in weights.items()}
    if odd := found ^ {(name, weight.shape) for name, weight in ours.items()}:
        raise ValueError(f"weights are missing or of another shape: {sorted(odd)[:5]}")
    with torch.no_grad():
        for name, weight in ours.items():
            weight.copy_(weights[name])
    return card, model


def _first_other(known: WordTokenizer, other: WordTokenizer) -> str:
    pairs = zip(known.tokens, other.tokens, strict=False)
    for number, (ours, theirs) in enumerate(pairs):
        if ours != theirs:
            return f"of which number {number} is {theirs!r}, expected {ours!r}"
    return "the first of which are the same"
