"""The console: texts that are printed as they are written, and Ctrl-C to end one."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from lib.generate.sampling import Sampling
from lib.generate.text import Scored, stream_scored, stream_text
from lib.model.gpt import GPT
from lib.tokens.description import WritingTokenizer
from lib.train.console import interruptible


@dataclass
class Answers:
    """Who answers a prompt, and how: `samples` texts, or their tokens with scores."""

    model: GPT
    tokenizer: WritingTokenizer
    strategy: Sampling
    max_new_tokens: int | None = None
    stop: Sequence[int] = ()
    samples: int = 1
    scores: bool = False
    seed: int = 0  # of the next text; each takes a number of its own
    interrupted: bool = False

    def give(self, prompt: str) -> None:
        """Print what is written for a prompt. Ctrl-C ends it, and what was to follow.

        Raises ValueError for a prompt that cannot be, before anything is printed.
        """
        self.interrupted = False
        with interruptible(self), suppress(KeyboardInterrupt):
            for _ in range(self.samples):
                pieces = self._pieces(prompt)
                if self.samples > 1:
                    print(f"=== seed {self.seed}")
                self.seed += 1
                self._print(pieces)
                if self.interrupted:
                    return

    def _pieces(self, prompt: str) -> Iterator[str]:
        asked = self.model, self.tokenizer, prompt, self.max_new_tokens, self.strategy
        if self.scores:
            tokens = stream_scored(*asked, stop=self.stop, seed=self.seed)
            return (score_line(self.tokenizer, token) for token in tokens)
        text = stream_text(*asked, stop=self.stop, seed=self.seed)
        return chain([prompt], text)

    def _print(self, pieces: Iterator[str]) -> None:
        """A text ends its line, also where it is broken off."""
        try:
            for piece in pieces:
                print(piece, end="", flush=True)
                if self.interrupted:
                    break
        finally:
            print(end="" if self.scores else "\n", flush=True)


def score_line(tokenizer: WritingTokenizer, token: Scored) -> str:
    """A line with a token's probability, and the token as Python writes it."""
    piece = tokenizer.tokens[token.id]
    if isinstance(piece, bytes):
        with suppress(UnicodeDecodeError):  # part of a character stays bytes
            piece = piece.decode()
    return f"{token.probability:8.2%}  {piece!r}\n"


def answer_lines(answers: Answers) -> None:
    """Answer each line of the input; what cannot be answered is said, and passed."""
    for line in read_lines():
        try:
            answers.give(line)
        except ValueError as error:
            print(error, file=sys.stderr)


def read_lines() -> Iterator[str]:
    """The lines of the input, until it ends or Ctrl-C ends it.

    Somebody who types is asked for each, and can edit it where the system knows how.
    """
    typed = sys.stdin.isatty() and sys.stdout.isatty()
    if typed:
        with suppress(ImportError):
            import readline  # noqa: F401  (being imported is all that it needs)
        print("Type a line. Ctrl-C ends a text; here it ends the program.")
    while True:
        try:
            line = input("> " if typed else "")
        except (EOFError, KeyboardInterrupt):
            print(end="\n" if typed else "")
            return
        yield line
