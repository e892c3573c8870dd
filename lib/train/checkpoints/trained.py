"""What a run has made: the GPT and its tokenizer, ready to write."""

from pathlib import Path
from typing import Any, NamedTuple

from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.tokens.description import WritingTokenizer, from_description
from lib.tokens.word_tokenizer import WordTokenizer
from lib.train import distributed
from lib.train.checkpoints import state, storage
from lib.train.checkpoints.checkpoint import newest
from lib.train.checkpoints.settings import check, vocabulary


class TrainedGPT(NamedTuple):
    """A GPT, the tokens it learned with, and how many steps it has taken."""

    model: GPT
    tokenizer: WritingTokenizer
    step: int


def load_gpt(
    folder: str | Path, tokenizer: WritingTokenizer | None = None
) -> TrainedGPT:
    """The GPT of the newest checkpoint in a folder, in evaluation, on the CPU.

    It is built from the configuration that was saved with it. So is its tokenizer; of
    a run that was saved without one it must be given.
    Raises ValueError when there is no checkpoint, when it is damaged or not of a GPT,
    when there is no tokenizer, and when the one that is given is another.
    """
    path = newest(folder)
    parts = storage.read(path)
    if parts.get("kind", "gpt") != "gpt":
        raise ValueError(f"{path} must be of a GPT, its kind is {parts['kind']!r}")
    model = _model(parts, path)
    if tokenizer is None:
        tokenizer = _tokenizer(parts, path)
    _check_tokens(parts, len(tokenizer), vocabulary(tokenizer), path)
    return TrainedGPT(model.eval(), tokenizer, len(parts["history"]["losses"]))


def _check_tokens(parts: dict[str, Any], size: int, tokens: str, path: Path) -> None:
    """Raise ValueError unless they are those of the run; it may not know which."""
    settings = parts["settings"]
    if settings["vocabulary"] != "not given":
        check(settings["vocabulary"], tokens, path, "vocabulary")
    check(settings["config"]["vocab"], size, path, "tokens")


def _model(parts: dict[str, Any], path: Path) -> GPT:
    try:
        config = GPTConfig(**parts["settings"]["config"])
    except TypeError as error:  # fields are missing, or others are there
        raise ValueError(
            f"{path} must have the configuration of a GPT: {error}"
        ) from error
    model = GPT(config)
    state.check_weights(parts["model"], model, path)
    distributed.copy_weights(parts["model"], model)
    return model


def _tokenizer(parts: dict[str, Any], path: Path) -> WritingTokenizer:
    if not parts.get("tokenizer"):
        raise ValueError(
            f"{path} was saved without its tokenizer. Give it the one that the run "
            f"read with, lib.train.load_gpt(folder, tokenizer), or train again: "
            f"python -m lib.train saves it, and so does Checkpoint(folder, "
            f"tokenizer=tokenizer)"
        )
    tokenizer = from_description(parts["tokenizer"])
    if isinstance(tokenizer, WordTokenizer):
        raise ValueError(f"{path} knows whole words alone, in which nothing is written")
    return tokenizer
