"""Zero-shot: a class for a text, with no training and no label.

A question is written after the text, and the model says how likely each word is to come
next. The class whose words are likelier wins. What a model has read decides how it goes
on, so it goes on differently after praise.
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.modes import evaluating, unwrap
from lib.tokens.tokenizer import BytePairTokenizer


class Question(NamedTuple):
    """What is written after a text, and for each class the words that speak for it.

    Each word is one token of the model, the space before it included.
    """

    text: str
    answers: Sequence[Sequence[str]]


@torch.inference_mode()
def ask(
    model: nn.Module,
    tokenizer: BytePairTokenizer,
    text: str,
    questions: Sequence[Question],
) -> list[Float[Tensor, " _"]]:
    """For each question, how likely the words of each class are to come next.

    They are logarithms of probabilities; a difference of two does not depend on the
    words that stand for neither class. Of a long text the end is read, as much of it as
    fits before the longest question. Raises ValueError when the model is no GPT, when
    there is no question, and when one has no text, leaves no room for a text, or has
    fewer than two classes, a class without words, or a word that is not one token.

    Sources: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
    section 3; Schick & Schütze 2021, "Exploiting Cloze Questions for Few Shot Text
    Classification and Natural Language Inference", section 3.1.
    """
    model = unwrap(model)
    if not isinstance(model, GPT) or isinstance(model, Encoder):
        raise ValueError(f"model must be a GPT, got {type(model).__name__}")
    endings, answers = _encoded(tokenizer, questions)
    context, longest = model.config.context, max(map(len, endings))
    if longest >= context:
        raise ValueError(
            f"a question must be shorter than the context, {context} tokens, "
            f"got {longest}"
        )
    with evaluating(model):
        cache = model.new_cache()
        if ids := tokenizer.encode(text)[longest - context :]:
            model.vectors(_row(model, ids), cache)
        rows = [model(_row(model, each), copy.copy(cache))[0, -1] for each in endings]
    shares = [row.float().log_softmax(-1).cpu() for row in rows]
    return [
        torch.stack([row[words].logsumexp(0) for words in classes])
        for row, classes in zip(shares, answers, strict=True)
    ]


def _encoded(
    tokenizer: BytePairTokenizer, questions: Sequence[Question]
) -> tuple[list[list[int]], list[list[list[int]]]]:
    """The ids of each question, and those of each word of its classes."""
    if not questions:
        raise ValueError("questions must hold at least one, got none")
    answers = []
    for question in questions:
        if not question.text:
            raise ValueError("a question must have a text, got ''")
        words = question.answers
        if len(words) < 2 or not all(map(len, words)):
            raise ValueError(f"answers must be words of 2 classes or more, got {words}")
        answers.append([[_one(tokenizer, w) for w in each] for each in words])
    return [tokenizer.encode(question.text) for question in questions], answers


def _one(tokenizer: BytePairTokenizer, word: str) -> int:
    """The id of a word with a space before it."""
    ids = tokenizer.encode(f" {word}")
    if len(ids) != 1:
        pieces = tokenizer.pieces(ids)
        raise ValueError(f"an answer must be one token, got {word!r}: {pieces}")
    return ids[0]


def _row(model: GPT, ids: list[int]) -> Int[Tensor, "1 time"]:
    return torch.tensor([ids], device=next(model.parameters()).device)
