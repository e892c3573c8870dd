"""Answers: many conversations at once, each with what the model says next.

It is what `evaluate` asks: a model and its tokenizer, as something that replies.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

import torch
from torch import nn

from lib.generate.constraint import Constraint
from lib.generate.loop import GREEDY, generate
from lib.generate.sampling import Sampling
from lib.instruct.chat import SHORTEST, as_gpt
from lib.instruct.tasks.task import Example
from lib.instruct.template import ASSISTANT, Template, Turn
from lib.tokens.description import WritingTokenizer

BATCH = 50  # conversations read together


class Answers:
    """A model that replies to conversations, in the words of the chat template.

    >>> Answers(model, tokenizer).replies([["Is it good?"], ["Is it?", "Yes.", "Why?"]])
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: WritingTokenizer,
        strategy: Sampling = GREEDY,
        *,
        max_new_tokens: int = 60,
        constraint: Constraint | None = None,
    ):
        """Raises ValueError when the model is no GPT, when it and the tokenizer do not
        have the same number of tokens, and when a special token is missing.
        """
        self.model = as_gpt(model, len(tokenizer))
        self.template = Template(tokenizer)
        self.strategy = strategy
        self.max_new_tokens = max_new_tokens
        self.constraint = constraint

    def replies(self, conversations: Sequence[Sequence[str]]) -> list[str]:
        """A reply to each; turns are the user's, the model's, and so on by turns.

        A reply ends at any special token. Raises ValueError when a conversation does
        not end with the user's words or does not fit the context, and as `generate`
        does.
        """
        prompts = [self.template.prompt(as_turns(turns)) for turns in conversations]
        for number, prompt in enumerate(prompts, 1):
            self._check_length(number, len(prompt))
        order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
        given = dict(zip(order, self._read([prompts[n] for n in order]), strict=True))
        return [given[place] for place in range(len(prompts))]

    def _read(self, prompts: list[list[int]]) -> Iterator[str]:
        """A reply to each prompt; those of like lengths are read together."""
        special = self.template.tokenizer.special.values()
        for start in range(0, len(prompts), BATCH):
            some = prompts[start : start + BATCH]
            texts = generate(
                self.model,
                [torch.tensor(prompt) for prompt in some],
                self.max_new_tokens,
                self.strategy,
                stop=list(special),
                constraint=self.constraint,
            )
            for prompt, text in zip(some, texts, strict=True):
                said = text[len(prompt) :].tolist()
                written = [id for id in said if id not in special]
                yield self.template.tokenizer.decode(written)

    def _check_length(self, number: int, length: int) -> None:
        context = self.model.config.context
        if length + SHORTEST - 1 > context:
            raise ValueError(
                f"a conversation must fit the context of {context} tokens with an "
                f"answer, got {length} tokens in number {number}"
            )


def as_turns(said: Sequence[str]) -> list[Turn]:
    """What the user and the model say by turns, the user first and last.

    Raises ValueError when the last words are not the user's.
    """
    if isinstance(said, str) or len(said) % 2 == 0:
        raise ValueError(f"a conversation must end with the user's words, got {said!r}")
    roles = cycle(("user", ASSISTANT))
    return [Turn(role, text) for role, text in zip(roles, said, strict=False)]


def lesson(example: Example) -> list[Turn]:
    """The conversation to learn an example from: what was said, and the answer."""
    return [*as_turns(example.turns), Turn(ASSISTANT, example.answer)]


def lessons(examples: Iterable[Example]) -> Iterator[list[Turn]]:
    """The conversation to learn each example from."""
    return map(lesson, examples)
