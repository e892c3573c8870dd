"""Training from the command line, by one process or by many."""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from lib.data import corpora
from lib.device import pick_device
from lib.fast.speed_up import speed_up
from lib.model.config import GPT2, LLAMA2, SMALL, GPTConfig
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.train import distributed
from lib.train.batches import windows
from lib.train.callbacks import Evaluate
from lib.train.checkpoints.checkpoint import Checkpoint
from lib.train.loop import train as run_loop
from lib.train.optimizers import OPTIMIZERS
from lib.train.precision import PRECISIONS
from lib.train.run import Callback, Diverged, History
from lib.train.tensorboard import TensorBoard

ABOUT = """\
Train a GPT to predict the next token of a text.

  python -m lib.train                                  the plays, letter by letter
  python -m lib.train --steps 2000 --checkpoints run   saved; the same again resumes it
  python -m lib.generate "To be" --from run            what it writes
  python -m torch.distributed.run --standalone --nproc-per-node=2 -m lib.train
                                                       by two processes together

Processes that train together share the rows of each batch between them, and take the
steps that one would take.
"""
PRESETS = {"small": SMALL, "gpt2": GPT2, "llama2": LLAMA2}
PLAYS = ["Macbeth", "The Tempest"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the options say; print what came of it."""
    parser = make_parser()
    asked = parser.parse_args(arguments)
    try:
        with distributed.joined(torch.device(asked.device or pick_device())) as device:
            history = train(asked, device)
            first = distributed.rank() == 0
    except (ValueError, OSError, ImportError, RuntimeError, Diverged) as error:
        sys.exit(f"{parser.prog}: {error}")
    if first:
        print(summary(history))


def make_parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        "python -m lib.train",
        description=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_text_options(parser)
    add_model_options(parser)
    add_training_options(parser)
    add_record_options(parser)
    return parser


def add_text_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("text").add_argument
    add(
        "--text",
        metavar="FILE",
        type=in_home,
        help="a text in UTF-8, its last tenth held out; without it, the 38 plays",
    )
    add(
        "--held-out",
        metavar="PLAY",
        nargs="+",
        default=PLAYS,
        help="the plays to measure on and not to learn from "
        f"(default: {', '.join(PLAYS)})",
    )
    add(
        "--tokenizer",
        metavar="FILE",
        type=in_home,
        help="what `BytePairTokenizer.save` wrote; without it, a token is a character",
    )


def add_model_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("model").add_argument
    add(
        "--preset",
        choices=list(PRESETS),
        default="small",
        help="parts and sizes of the model (default: %(default)s)",
    )
    add(
        "--context",
        metavar="N",
        type=int,
        default=64,
        help="tokens in a window, and the most it looks back over "
        "(default: %(default)s)",
    )
    add(
        "--width",
        metavar="N",
        type=int,
        help="numbers in a token's vector, if not the preset's",
    )
    add(
        "--layers",
        metavar="N",
        type=int,
        help="blocks, if not the preset's",
    )
    add(
        "--heads",
        metavar="N",
        type=int,
        help="attention heads in a block, if not the preset's",
    )
    add(
        "--dropout",
        metavar="SHARE",
        type=float,
        default=0.0,
        help="share of the numbers that are zeroed at each step (default: %(default)s)",
    )


def add_training_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("training").add_argument
    add(
        "--steps",
        metavar="N",
        type=int,
        default=1000,
        help="steps to take (default: %(default)s)",
    )
    add(
        "--batch",
        metavar="N",
        type=int,
        default=12,
        help="windows in a batch, those of all processes together "
        "(default: %(default)s)",
    )
    add(
        "--accumulate",
        metavar="N",
        type=int,
        default=1,
        help="batches in a step (default: %(default)s)",
    )
    add(
        "--optimizer",
        choices=list(OPTIMIZERS),
        default="adamw",
        help="the rule that moves the weights (default: %(default)s)",
    )
    add(
        "--lr",
        metavar="RATE",
        type=float,
        default=0.01,
        help="learning rate, at its highest (default: %(default)s)",
    )
    add(
        "--clip",
        metavar="NORM",
        type=float,
        default=1.0,
        help="the longest gradient (default: %(default)s)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the products; half: bfloat16 or float16, as the device likes it "
        "(default: %(default)s)",
    )
    add(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="of the first weights, the windows and dropout (default: %(default)s)",
    )
    add(
        "--device",
        metavar="NAME",
        help="cpu, cuda, ...; without it, the fastest here",
    )
    add(
        "--fsdp",
        action="store_true",
        help="each process keeps a slice of the weights, not a copy",
    )
    add(
        "--speed-up",
        action="store_true",
        help="time faster layers for this processor, and take those that win",
    )
    add(
        "--compile",
        action="store_true",
        help="let PyTorch compile the model first: minutes that a long run pays back",
    )


def add_record_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("records").add_argument
    add(
        "--checkpoints",
        metavar="FOLDER",
        help="save the run there, or resume it from there; lib.generate writes with it",
    )
    add(
        "--tensorboard",
        metavar="FOLDER",
        help="write its curves there",
    )
    add(
        "--every",
        metavar="N",
        type=int,
        default=250,
        help="steps from one measurement and checkpoint to the next "
        "(default: %(default)s)",
    )
    add(
        "--held-out-batches",
        metavar="N",
        type=int,
        default=8,
        help="random batches to measure the held-out loss on (default: %(default)s)",
    )


def in_home(path: str) -> Path:
    """A path in which ~ is the home folder."""
    return Path(path).expanduser()


def train(asked: Namespace, device: torch.device) -> History:
    """The run that the options ask for: this process's part in it."""
    learned, held_out = read_texts(asked)
    tokenizer = read_tokenizer(asked, learned + held_out)
    model = make_model(asked, len(tokenizer), device)
    measured = cut(held_out, tokenizer, asked, seed=asked.seed + 1)
    hooks = make_callbacks(asked, tokenizer, islice(measured, asked.held_out_batches))
    torch.manual_seed(asked.seed + distributed.rank())  # to each its own dropout
    return run_loop(
        model,
        OPTIMIZERS[asked.optimizer](model, asked.lr),
        cut(learned, tokenizer, asked, seed=asked.seed),
        asked.steps,
        callbacks=hooks,
        clip=asked.clip,
        accumulate=asked.accumulate,
        precision=asked.precision,
    )


def make_model(asked: Namespace, vocab: int, device: torch.device) -> nn.Module:
    """The model with its first weights, ready for the processes that train it."""
    torch.manual_seed(asked.seed)
    model: nn.Module = GPT(configure(asked, vocab)).to(device)
    if asked.speed_up:
        report = speed_up(model, (asked.batch, asked.context))
        if distributed.rank() == 0:
            print(report)
    if asked.fsdp:
        distributed.shard(model)
    if asked.compile:
        # Of a module it makes a module; its annotation says only "callable".
        model = torch.compile(model)  # pyright: ignore[reportAssignmentType]
    return distributed.spread(model)


def read_texts(asked: Namespace) -> tuple[str, str]:
    """What is learned from, and what is held out.

    Raises ValueError for a play that is not there, OSError for a file.
    """
    if asked.text is not None:
        text = asked.text.read_text(encoding="utf-8")
        place = len(text) * 9 // 10
        return text[:place], text[place:]
    plays = corpora.shakespeare()
    if unknown := sorted(set(asked.held_out) - set(plays)):
        raise ValueError(f"--held-out must be some of {list(plays)}, got {unknown}")
    titles = dict.fromkeys(asked.held_out)
    held_out = [plays.pop(title) for title in titles]
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
    preset = PRESETS[asked.preset]
    return replace(
        preset,
        vocab=vocab,
        context=asked.context,
        dropout=asked.dropout,
        width=preset.width if asked.width is None else asked.width,
        layers=preset.layers if asked.layers is None else asked.layers,
        heads=preset.heads if asked.heads is None else asked.heads,
    )


def cut(
    text: str,
    tokenizer: BytePairTokenizer | CharacterTokenizer,
    asked: Namespace,
    seed: int,
) -> Iterator[tuple[Tensor, ...]]:
    """This process's rows of endless random windows of a text."""
    ids = torch.tensor(tokenizer.encode(text))
    return distributed.share(windows(ids, asked.batch, asked.context, seed))


def make_callbacks(
    asked: Namespace,
    tokenizer: BytePairTokenizer | CharacterTokenizer,
    held_out: Iterator[tuple[Tensor, ...]],
) -> list[Callback]:
    """What hangs on the loop: measuring, and the records that were asked for."""
    hooks: list[Callback] = [Evaluate(asked.every, held_out)]
    if asked.tensorboard is not None:
        hooks.append(TensorBoard(asked.tensorboard))
    if asked.checkpoints is not None:
        hooks.append(Checkpoint(asked.checkpoints, asked.every, tokenizer=tokenizer))
    return hooks


def summary(history: History) -> str:
    """Steps, tokens and the losses that the run ended with."""
    said = f"{len(history.losses)} steps, {history.tokens:,} tokens"
    if history.held_out:
        step, loss = history.held_out[-1]
        said += f", held-out loss {loss:.3f} nats a token after step {step}"
    if history.stopped:
        said += f"; stopped: {history.stopped}"
    return said


if __name__ == "__main__":
    main()
