"""A conversation with a model: it reads what is new, answers, and remembers.

Keys and values of all turns so far stay in the cache, so that a turn costs its own
tokens and no more.
"""

from collections.abc import Generator, Iterable, Iterator
from itertools import islice

import torch
from torch import nn

from lib.generate.constraint import Constraint, Guide
from lib.generate.loop import GREEDY, next_tokens
from lib.generate.reader import CachedReader
from lib.generate.sampling import Sampling
from lib.generate.text import decode_stream
from lib.instruct.template import ASSISTANT, Template, Turn
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.modes import evaluating, unwrap
from lib.tokens.description import WritingTokenizer

SHORTEST = 3  # tokens of an answer: its role, one more, and its end


class Chat:
    """A model that answers in turns; `turns` has all that was said.

    `finished` says whether the last answer ended by itself. One that did not was cut
    off after `max_new_tokens`, or where the context ends.

    >>> chat = Chat(model, tokenizer, [Turn("system", "Answer in one word.")])
    >>> chat.ask("Was it good?")
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: WritingTokenizer,
        turns: Iterable[Turn] = (),
        strategy: Sampling = GREEDY,
        *,
        max_new_tokens: int = 200,
        seed: int = 0,
    ):
        """`turns` are what was said before, such as what the system says.

        Raises ValueError when the model is no GPT, when it and the tokenizer do not
        have the same number of tokens, when a special token of the template is missing,
        unless `max_new_tokens` is above 0, and as `add` does.
        """
        self.model = as_gpt(model, len(tokenizer))
        self.template = Template(tokenizer)
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be above 0, got {max_new_tokens}")
        self.strategy = strategy
        self.max_new_tokens = max_new_tokens
        self.seed = seed
        self.turns: list[Turn] = []
        self._first = list(turns)
        self.restart()

    def restart(self) -> None:
        """Begin anew, as the chat was made: with its first turns and its seed.

        An answer that is being streamed has to be closed before.
        """
        self.turns.clear()
        self.finished = True
        self._chance = torch.Generator().manual_seed(self.seed)
        self._unread: list[int] = []  # what the model has yet to read
        self._reader: CachedReader | None = None
        for turn in self._first:
            self.add(turn)

    def ask(self, text: str, constraint: Constraint | None = None) -> str:
        """What the model answers to the user's words. Raises ValueError as `add` does.

        The answer has the form of the `constraint`, if there is one.
        """
        self.add(Turn("user", text))
        return self.answer(constraint)

    def add(self, turn: Turn) -> None:
        """Say something; the model reads it when it answers.

        Raises ValueError for an unknown role, and when the context has no room for the
        turn and an answer.
        """
        ids = self.template.encode([turn])
        needed = self.length + len(ids) + SHORTEST
        context = self.model.config.context
        if needed > context:
            raise ValueError(
                f"a conversation must fit the context of {context} tokens: "
                f"{self.length} so far, {len(ids)} of this turn and {SHORTEST} of the "
                f"shortest answer are {needed}"
            )
        self._unread += ids
        self.turns.append(turn)

    def answer(self, constraint: Constraint | None = None) -> str:
        """What the model says next. Raises ValueError as `stream` does."""
        for _ in self.stream(constraint):
            pass
        return self.turns[-1].text

    def stream(
        self, constraint: Constraint | None = None
    ) -> Generator[str, None, None]:
        """The same piece by piece; broken off, it leaves what was said so far.

        Raises ValueError when the context has no room for an answer, or not for the
        shortest one that a `constraint` allows.
        """
        left = self.model.config.context - self.length
        room = min(self.max_new_tokens, left - 2)  # the role, and the end
        if room < 1:
            raise ValueError(
                f"an answer must fit the context of {self.model.config.context} "
                f"tokens, got {self.length} of them in use"
            )
        guides = []
        if constraint is not None:
            guides = [Guide(constraint, room, [self.template.end])]
        return self._stream(room, guides)

    @property
    def length(self) -> int:
        """How many tokens the conversation has so far."""
        return len(self._unread) + (self._reader.cache.seen if self._reader else 0)

    def __str__(self) -> str:
        """The conversation to read, a line a turn."""
        return "\n".join(f"{turn.role}: {turn.text}" for turn in self.turns)

    def _stream(self, room: int, guides: list[Guide]) -> Generator[str, None, None]:
        said: list[int] = []
        try:
            yield from decode_stream(
                self.template.tokenizer, self._said(room, guides, said)
            )
        finally:  # the turn is closed, however it ended
            self._unread += [self.template.end]
            text = self.template.tokenizer.decode(said)
            self.turns.append(Turn(ASSISTANT, text))

    def _said(self, room: int, guides: list[Guide], said: list[int]) -> Iterator[int]:
        """The tokens of an answer, each noted in `said`; a special token ends it."""
        self.finished = False
        role = self.template.prompt([])
        with evaluating(self.model):
            if self._reader is None:
                self._reader = CachedReader(self.model, [0])
            new = torch.tensor([[*self._unread, *role]])
            new = new.to(next(self.model.parameters()).device)
            self._unread = []
            steps = next_tokens(
                self._reader, new, self.strategy, [self._chance], guides
            )
            for step in islice(steps, room):
                self._unread = []  # the last one was read for this one
                token = int(step)
                if token in self.template.tokenizer.special.values():
                    self.finished = True
                    return
                said.append(token)
                self._unread = [token]
                yield token
                if guides and guides[0].done:
                    self.finished = True
                    return


def as_gpt(model: nn.Module, vocab: int) -> GPT:
    """The model, unwrapped, if it is a GPT with so many tokens."""
    model = unwrap(model)
    if not isinstance(model, GPT) or isinstance(model, Encoder):
        raise ValueError(f"model must be a GPT, got {type(model).__name__}")
    if model.config.vocab != vocab:
        raise ValueError(
            f"model has {model.config.vocab} tokens, the tokenizer {vocab}"
        )
    return model
