"""Sentiment: is a sentence from a real review in favor of the film?

The sentences are those of Rotten Tomatoes (`lib.data.corpora`). A sentence is a
combination of its own: the text decides the part that it belongs to.
"""

from collections.abc import Sequence
from functools import cache
from random import Random

from lib.data import corpora
from lib.data.corpora import Review
from lib.data.reviews import without_copies
from lib.instruct.tasks.task import Answerer, Drawn, Example, Task, Wordings

ASK = Wordings(
    trained=("Positive or negative?", "Is this review positive or negative?"),
    new=("Say whether the critic is positive or negative.",),
)


def sentiment() -> Task:
    """Is a sentence positive or negative?"""
    return Task("sentiment", _draw, baselines={"naive Bayes": naive_bayes})


@cache
def sentences() -> list[Review]:
    """The sentences of Rotten Tomatoes, copies dropped.

    Raises `CorpusError` when they are neither cached nor reachable.
    """
    every = corpora.reviews()
    return without_copies([each for each in every if each.source == "rotten_tomatoes"])


def naive_bayes(examples: Sequence[Example]) -> Answerer:
    """Words and pairs weighted by naive Bayes, as in chapter 8.

    Raises ValueError when the examples do not have both answers.
    """
    from lib.finetune import text_baselines  # needs scikit-learn

    prompts = [example.prompt for example in examples]
    positive = [int(example.answer == "positive") for example in examples]
    model = text_baselines.fit(text_baselines.naive_bayes_weights(), prompts, positive)
    return lambda prompt: ("negative", "positive")[int(model.predict([prompt])[0])]


def _draw(random: Random, variant: str) -> Drawn:
    review = random.choice(sentences())
    text = review.text.strip()
    answer = "positive" if review.positive else "negative"
    return Drawn(f"{ASK.choose(random, variant)} {text}", answer, text)
