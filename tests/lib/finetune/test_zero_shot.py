"""Asking a GPT: what it scores is what it would predict, read as a whole."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lib.finetune.classifier import Classifier
from lib.finetune.zero_shot import Question, answer_rows, ask
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer
from tests.helpers.models import TINY

TEXT = "it is good and it is bad, so good so bad; a great film it was "
TOKENIZER = BytePairTokenizer.train(TEXT * 9, 320)
GOOD_BAD = Question(" it is", [["bad"], ["good", "great"]])
SO = Question(" so", [["good"], ["bad"]])


def a_model(make=GPT, **changes):
    torch.manual_seed(0)
    changes = {"vocab": len(TOKENIZER), "context": 24} | changes
    model = make(replace(TINY, **changes))
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3)
    return model


def plainly(model, ids, words):
    """Log-probability that one of the words comes after these ids, read at once."""
    shares = model.eval()(torch.tensor([ids]))[0, -1].softmax(-1)
    return sum(shares[TOKENIZER.encode(f" {word}")].sum() for word in words).log()


@pytest.mark.parametrize("text", ["", "a film", TEXT])
def test_each_question_is_answered_as_if_alone(text):
    model = a_model(dropout=0.5)
    found = ask(model, TOKENIZER, text, [GOOD_BAD, SO])
    assert len(found) == 2 and model.training
    room = 24 - len(TOKENIZER.encode(" it is"))
    for question, scores in zip([GOOD_BAD, SO], found, strict=True):
        ids = TOKENIZER.encode(text)[-room:] + TOKENIZER.encode(question.text)
        expected = torch.stack([plainly(model, ids, a) for a in question.answers])
        torch.testing.assert_close(scores, expected, atol=1e-4, rtol=0)


def test_of_a_long_text_the_end_is_read():
    model = a_model()
    (ends_alike,) = ask(model, TOKENIZER, "a film " * 9 + TEXT * 2, [SO])
    (whole,) = ask(model, TOKENIZER, TEXT * 2, [SO])
    (other,) = ask(model, TOKENIZER, TEXT * 2 + "bad", [SO])
    torch.testing.assert_close(ends_alike, whole)
    assert not torch.allclose(other, whole)


def test_a_model_that_learned_the_answer_gives_it():
    model = a_model(zero_output=True)
    ids = torch.tensor([TOKENIZER.encode("a film it is good")])
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    (scores,) = ask(model, TOKENIZER, "a film", [GOOD_BAD])
    assert scores.argmax() == 1 and scores[1] > -0.1


@pytest.mark.parametrize(
    "questions, says",
    [
        ([], "questions must hold at least one, got none"),
        ([Question("", [["good"], ["bad"]])], "a question must have a text, got ''"),
        ([Question(" so", [["good"]])], "answers must be words of 2 classes or more"),
        ([Question(" so", [["good"], []])], "answers must be words of 2 classes"),
        ([Question(" so", [["good"], ["best"]])], "one token, got 'best'"),
        ([Question(" so" * 24, [["good"], ["bad"]])], "shorter than the context, 24"),
    ],
)
def test_questions_that_cannot_be_are_refused(questions, says):
    with pytest.raises(ValueError, match=says):
        ask(a_model(), TOKENIZER, "a film", questions)


def test_an_encoder_is_refused():
    with pytest.raises(ValueError, match="model must be a GPT, got Encoder"):
        ask(a_model(Encoder), TOKENIZER, "a film", [SO])


@pytest.mark.parametrize("tied", [True, False])
def test_a_head_of_answers_begins_where_asking_ends(tied):
    model = a_model(tied=tied)
    classifier = Classifier(model, 2, "last")
    rows = answer_rows(model, TOKENIZER, GOOD_BAD.answers)
    with torch.no_grad():
        classifier.head.weight.copy_(rows)
    ids = torch.tensor([TOKENIZER.encode("a film it is")])
    scores = model(ids)[0, -1]
    good, great, bad = (
        scores[TOKENIZER.encode(f" {word}")].item() for word in ("good", "great", "bad")
    )
    expected = torch.tensor([[bad, (good + great) / 2]])
    torch.testing.assert_close(classifier(ids), expected, atol=1e-4, rtol=0)
    assert not rows.requires_grad


def test_a_head_of_answers_needs_a_gpt_and_words_of_one_token():
    with pytest.raises(ValueError, match="model must be a GPT, got Encoder"):
        answer_rows(a_model(Encoder), TOKENIZER, GOOD_BAD.answers)
    with pytest.raises(ValueError, match="words of 2 classes or more"):
        answer_rows(a_model(), TOKENIZER, [["bad"]])
    with pytest.raises(ValueError, match="one token, got 'splendid'"):
        answer_rows(a_model(), TOKENIZER, [["bad"], ["splendid"]])
