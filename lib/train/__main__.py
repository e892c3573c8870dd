"""Training from the command line, by one process or by many."""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from lib.data import corpora
from lib.data.batch import Batch
from lib.device import pick_device
from lib.model.config import GPT2, LLAMA2, SMALL, GPTConfig
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.train import callbacks, distributed, run
from lib.train.batches import windows
from lib.train.checkpoints.checkpoint import Checkpoint
from lib.train.loop import train as run_loop
from lib.train.optimizers import OPTIMIZERS
from lib.train.tensorboard import TensorBoard

ABOUT = """\
Train a GPT to predict the next token of a text.

  python -m lib.train                                  the plays, letter by letter
  python -m lib.train --steps 2000 --checkpoints run   saved; the same again resumes it
  python -m torch.distributed.run --standalone --nproc-per-node=2 -m lib.train
                                                       by two processes together

Processes that train together share the rows of each batch between them, and take the
steps that one would take.
"""
PRESETS = {"small": SMALL, "gpt2": GPT2, "llama2": LLAMA2}
PLAYS = ["Macbeth", "The Tempest"]
TYPES = {"N": int, "SHARE": float, "RATE": float, "NORM": float}  # others are words

# fmt: off
OPTIONS = {
    "text": {
        "text": (None, "FILE", "a text in UTF-8, its last tenth held out; "
                               "without it, the 38 plays"),
        "held-out": (PLAYS, "PLAY", "the plays to measure on and not to learn from"),
        "tokenizer": (None, "FILE", "what `BytePairTokenizer.save` wrote; "
                                    "without it, a token is a character"),
    },
    "model": {
        "preset": ("small", PRESETS, "parts and sizes of the model"),
        "context": (64, "N", "tokens in a window, and the most it looks back over"),
        "width": (None, "N", "numbers in a token's vector, if not the preset's"),
        "layers": (None, "N", "blocks, if not the preset's"),
        "heads": (None, "N", "attention heads in a block, if not the preset's"),
        "dropout": (0.0, "SHARE", "share of the numbers that are zeroed at each step"),
    },
    "training": {
        "steps": (1000, "N", "steps to take"),
        "batch": (12, "N", "windows in a batch, those of all processes together"),
        "accumulate": (1, "N", "batches in a step"),
        "optimizer": ("adamw", OPTIMIZERS, "the rule that moves the weights"),
        "lr": (0.01, "RATE", "learning rate, at its highest"),
        "clip": (1.0, "NORM", "the longest gradient"),
        "precision": ("float32", run.PRECISIONS, "of the products"),
        "seed": (0, "N", "of the first weights, the windows and dropout"),
        "device": (None, "NAME", "cpu, cuda, ...; without it, the fastest here"),
        "fsdp": (False, None, "each process keeps a slice of the weights, not a copy"),
    },
    "records": {
        "checkpoints": (None, "FOLDER", "save the run there, or resume it from there"),
        "tensorboard": (None, "FOLDER", "write its curves there"),
        "every": (250, "N", "steps from one measurement and checkpoint to the next"),
        "held-out-batches": (8, "N", "random batches to measure the held-out loss on"),
    },
}
# fmt: on


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the options say; print what came of it."""
    parser = make_parser()
    asked = parser.parse_args(arguments)
    try:
        with distributed.joined(torch.device(asked.device or pick_device())) as device:
            history, first = train(asked, device), distributed.rank() == 0
    except (ValueError, OSError, ImportError, RuntimeError, run.Diverged) as error:
        sys.exit(f"{parser.prog}: {error}")
    if first:
        print(summary(history))


def make_parser() -> ArgumentParser:
    """The command line, made of `OPTIONS`."""
    parser = ArgumentParser(
        "python -m lib.train",
        description=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    for title, options in OPTIONS.items():
        group = parser.add_argument_group(title)
        for name, option in options.items():
            group.add_argument(f"--{name}", **_explain(*option))
    return parser


def _explain(default, kind, words: str) -> dict:
    """An option as argparse has it: of one kind of value, or one of several choices."""
    if kind is None:
        return {"action": "store_true", "help": words}
    if default is not None:
        shown = ", ".join(default) if isinstance(default, list) else default
        words += f" (default: {shown})"
    option = {"default": default, "help": words}
    if not isinstance(kind, str):
        return option | {"choices": list(kind)}
    many = {"nargs": "+"} if isinstance(default, list) else {}
    return option | many | {"metavar": kind, "type": TYPES.get(kind, str)}


def train(asked: Namespace, device: torch.device) -> run.History:
    """The run that the options ask for: this process's part in it."""
    learned, held_out = read_texts(asked)
    tokenizer = read_tokenizer(asked, learned + held_out)
    torch.manual_seed(asked.seed)
    model = GPT(configure(asked, len(tokenizer))).to(device)
    if asked.fsdp:
        distributed.shard(model)
    objective = distributed.spread(model)
    optimizer = OPTIMIZERS[asked.optimizer](model, asked.lr)
    measured = cut(held_out, tokenizer, asked, seed=asked.seed + 1)
    hooks = make_callbacks(asked, tokenizer, islice(measured, asked.held_out_batches))
    torch.manual_seed(asked.seed + distributed.rank())  # to each its own dropout
    return run_loop(
        model,
        optimizer,
        cut(learned, tokenizer, asked, seed=asked.seed),
        asked.steps,
        callbacks=hooks,
        objective=objective,
        clip=asked.clip,
        accumulate=asked.accumulate,
        precision=asked.precision,
    )


def read_texts(asked: Namespace) -> tuple[str, str]:
    """What is learned from, and what is held out.

    Raises ValueError for a play that is not there, OSError for a file.
    """
    if asked.text is not None:
        text = Path(asked.text).read_text(encoding="utf-8")
        place = len(text) * 9 // 10
        return text[:place], text[place:]
    plays = corpora.shakespeare()
    if unknown := sorted(set(asked.held_out) - set(plays)):
        raise ValueError(f"--held-out must be some of {list(plays)}, got {unknown}")
    held_out = [plays.pop(title) for title in asked.held_out]
    return "\n".join(plays.values()), "\n".join(held_out)


def read_tokenizer(
    asked: Namespace, text: str
) -> BytePairTokenizer | CharacterTokenizer:
    """The saved one, or the alphabet of the text."""
    if asked.tokenizer is not None:
        return BytePairTokenizer.load(asked.tokenizer)
    return CharacterTokenizer(text)


def configure(asked: Namespace, vocab: int) -> GPTConfig:
    """The preset in the sizes asked for. Raises ValueError for one that cannot be."""
    sizes = {"width": asked.width, "layers": asked.layers, "heads": asked.heads}
    changed = {name: size for name, size in sizes.items() if size is not None}
    changed |= {"vocab": vocab, "context": asked.context, "dropout": asked.dropout}
    return replace(PRESETS[asked.preset], **changed)


def cut(
    text: str,
    tokenizer: BytePairTokenizer | CharacterTokenizer,
    asked: Namespace,
    seed: int,
) -> Iterator[Batch]:
    """This process's rows of endless random windows of a text."""
    ids = torch.tensor(tokenizer.encode(text))
    return distributed.share(windows(ids, asked.batch, asked.context, seed))


def make_callbacks(
    asked: Namespace,
    tokenizer: BytePairTokenizer | CharacterTokenizer,
    held_out: Iterator[Batch],
) -> list[callbacks.Callback]:
    """What hangs on the loop: measuring, and the records that were asked for."""
    hooks: list[callbacks.Callback] = [callbacks.Evaluate(asked.every, held_out)]
    if asked.tensorboard is not None:
        hooks.append(TensorBoard(asked.tensorboard))
    if asked.checkpoints is not None:
        hooks.append(Checkpoint(asked.checkpoints, asked.every, tokenizer=tokenizer))
    return hooks


def summary(history: run.History) -> str:
    """Steps, tokens and the losses that the run ended with."""
    words = f"{len(history.losses)} steps, {history.tokens:,} tokens"
    if history.held_out:
        step, loss = history.held_out[-1]
        words += f", held-out loss {loss:.3f} nats a token after step {step}"
    return f"{words}{history.stopped and '; stopped: ' + history.stopped}"


if __name__ == "__main__":
    main()
