"""Text from the command line, by a run of `lib.train` or by a GPT of the hub."""

import os
import sys
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path

import torch

from lib.generate.console import Answers, answer_lines
from lib.generate.sampling import Sampling
from lib.generate.text import END, MOST, ends
from lib.hub import pretrained
from lib.model.gpt import GPT
from lib.tokens.description import WritingTokenizer
from lib.train import list_checkpoints, load_gpt

ABOUT = """\
Let a GPT write on from a prompt.

  python -m lib.generate "To be" --from run    by what lib.train saved in that folder
  python -m lib.generate --from run            reads lines, and answers each
  python -m lib.generate "To be" --from run --scores
                                               each new token with its probability

Ctrl-C ends the text that is being written. Where a line is asked for, Ctrl-C or the end
of input ends the program.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what the options ask for."""
    parser = make_parser()
    asked = parser.parse_args(arguments)
    take_any_character()
    try:
        answers = make_answers(asked)
        if asked.prompt is None:
            answer_lines(answers)
        else:
            answers.give(asked.prompt)
    except BrokenPipeError:  # whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"{parser.prog}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # as shells have it


def make_parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        "python -m lib.generate",
        description=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "prompt",
        nargs="?",
        help="what the text begins with; without it, each line of the input",
    )
    add_model_options(parser)
    add_choice_options(parser)
    add_output_options(parser)
    return parser


def add_model_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("model").add_argument
    add(
        "--from",
        dest="source",
        metavar="WHERE",
        required=True,
        help="a folder of checkpoints, or the name of a GPT of the hub",
    )
    add(
        "--device",
        metavar="NAME",
        default="cpu",
        help="cpu, cuda, ... (default: %(default)s)",
    )


def add_choice_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("choice of a token").add_argument
    add(
        "--temperature",
        metavar="T",
        type=float,
        default=1.0,
        help="scores are divided by it; 0 takes the likeliest (default: %(default)s)",
    )
    add(
        "--top-k",
        metavar="K",
        type=int,
        help="among the K likeliest",
    )
    add(
        "--top-p",
        metavar="P",
        type=float,
        help="among the likeliest that have a probability of P together",
    )
    add(
        "--min-p",
        metavar="P",
        type=float,
        help="among those at least P times as likely as the likeliest",
    )
    add(
        "--repetition-penalty",
        metavar="X",
        type=float,
        default=1.0,
        help="above 1, what the text has already is less likely (default: %(default)s)",
    )


def add_output_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("text").add_argument
    add(
        "--max-new-tokens",
        metavar="N",
        type=from_on(1),
        help=f"the most tokens that are added (default: {MOST}, or as many as learned "
        "positions have room for)",
    )
    add(
        "--samples",
        metavar="N",
        type=from_on(1),
        default=1,
        help="texts for each prompt (default: %(default)s)",
    )
    add(
        "--seed",
        metavar="N",
        type=from_on(0),
        default=0,
        help="of the first text; the next ones have the next numbers "
        "(default: %(default)s)",
    )
    add(
        "--scores",
        action="store_true",
        help="print each new token with the probability that the model gave it, before "
        "temperature, cuts and penalty",
    )
    add(
        "--past-end",
        action="store_true",
        help=f"write on after {END}, which ends a text where the model has that token",
    )


def from_on(least: int) -> Callable[[str], int]:
    """What reads a whole number of at least that."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(
                f"must be a whole number, at least {least}, got {text!r}"
            )
        return int(text)

    return read


def make_answers(asked: Namespace) -> Answers:
    """What answers prompts as the options say. Raises ValueError for what cannot be."""
    strategy = Sampling(
        asked.temperature,
        asked.top_k,
        asked.top_p,
        asked.min_p,
        asked.repetition_penalty,
    )
    model, tokenizer = load(asked.source)
    none_yet = torch.zeros(1, 1, dtype=torch.long)
    strategy.filtered(torch.zeros(1, model.config.vocab), none_yet)  # refuses bad cuts
    return Answers(
        model=on_device(model, asked.device),
        tokenizer=tokenizer,
        strategy=strategy,
        max_new_tokens=asked.max_new_tokens,
        stop=[] if asked.past_end else ends(tokenizer),
        samples=asked.samples,
        scores=asked.scores,
        seed=asked.seed,
    )


def load(
    source: str, hub: str | Path = pretrained.FOLDER
) -> tuple[GPT, WritingTokenizer]:
    """The GPT of a folder of checkpoints, or the one of that name in the hub.

    Raises ValueError when it is neither.
    """
    if list_checkpoints(source):
        model, tokenizer, _ = load_gpt(source)
        return model, tokenizer
    known = pretrained.names("gpt", hub)
    if source not in known:
        found = Path(source).expanduser().is_dir()
        what = "that folder has no checkpoint" if found else "there is no such folder"
        raise ValueError(
            f"--from must be a folder of checkpoints or a GPT of the hub, got "
            f"{source!r}: {what}, and the hub has {', '.join(known) or 'no GPT yet'}"
        )
    model, tokenizer, _ = pretrained.load_gpt(source, hub)
    return model, tokenizer


def on_device(model: GPT, name: str) -> GPT:
    """The model, moved there. Raises ValueError where there is no such device."""
    try:
        return model.to(torch.device(name))
    except (AssertionError, RuntimeError) as error:  # a build without it, no such name
        raise ValueError(f"--device {name} cannot be used: {error}") from error


def take_any_character() -> None:
    """Let the prompt be refused, not the reading of it, and nothing that is written."""
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
    ):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


if __name__ == "__main__":
    main()
