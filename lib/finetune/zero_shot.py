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
    model = _gpt(model)
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


def answer_rows(
    model: nn.Module, tokenizer: BytePairTokenizer, answers: Sequence[Sequence[str]]
) -> Float[Tensor, "_ width"]:
    """For each class the mean of its words' rows in the output matrix.

    As the weights of a head on the last vector they score a class by the mean score of
    its words, so that fine-tuning begins where asking ends, and not at no opinion.
    Raises ValueError when the model is no GPT, and for answers as `ask` does.

    Source: Schick & Schütze 2021, section 3.1 (the scores of words stand for classes).
    """
    rows = _gpt(model).unembed.weight.detach()  # vocab width
    return torch.stack([rows[words].mean(0) for words in _ids(tokenizer, answers)])


def _gpt(model: nn.Module) -> GPT:
    """The model, unwrapped, if it is one that predicts the next token."""
    model = unwrap(model)
    if not isinstance(model, GPT) or isinstance(model, Encoder):
        raise ValueError(f"model must be a GPT, got {type(model).__name__}")
    return model


def _encoded(
    tokenizer: BytePairTokenizer, questions: Sequence[Question]
) -> tuple[list[list[int]], list[list[list[int]]]]:
    """The ids of each question, and those of each word of its classes."""
    if not questions:
        raise ValueError("questions must hold at least one, got none")
    if not all(question.text for question in questions):
        raise ValueError("a question must have a text, got ''")
    endings = [tokenizer.encode(question.text) for question in questions]
    return endings, [_ids(tokenizer, question.answers) for question in questions]


def _ids(
    tokenizer: BytePairTokenizer, answers: Sequence[Sequence[str]]
) -> list[list[int]]:
    """The ids of each class's words."""
    if len(answers) < 2 or not all(map(len, answers)):
        raise ValueError(f"answers must be words of 2 classes or more, got {answers}")
    return [[_one(tokenizer, word) for word in words] for words in answers]


def _one(tokenizer: BytePairTokenizer, word: str) -> int:
    """The id of a word with a space before it."""
    ids = tokenizer.encode(f" {word}")
    if len(ids) != 1:
        pieces = tokenizer.pieces(ids)
        raise ValueError(f"an answer must be one token, got {word!r}: {pieces}")
    return ids[0]


def _row(model: GPT, ids: list[int]) -> Int[Tensor, "1 time"]:
    return torch.tensor([ids], device=next(model.parameters()).device)
