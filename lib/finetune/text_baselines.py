"""Baselines: what simple methods learn from the same labels, in seconds.

They count words, or average word vectors, and fit a logistic regression. A slower model
has to be better than these, so they should be strong: their settings were chosen on
reviews too, not left at the defaults.

Each is a scikit-learn pipeline: `fit(tf_idf(), texts, labels).predict(others)`.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lib.finetune.labeled import Labels, check_labels, check_several_classes
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer
from lib.tokens.words import words_and_marks

if TYPE_CHECKING:  # scikit-learn takes a second to import: only where it is used
    import sklearn.linear_model
    import sklearn.pipeline

C = {"tf-idf": 100.0, "naive Bayes weights": 0.1, "averaged vectors": 0.1}
RARE = 1e-3  # a word that makes up this share of the text counts half
COUNTED = {  # words and pairs of neighbors that at least two texts have
    "tokenizer": words_and_marks,
    "token_pattern": None,
    "lowercase": False,
    "ngram_range": (1, 2),
    "min_df": 2,
}


def fit(
    model: "sklearn.pipeline.Pipeline", texts: Sequence[str], labels: Labels
) -> "sklearn.pipeline.Pipeline":
    """Fit a pipeline and return it: it can `predict` and `predict_proba` other texts.

    Raises ValueError when texts and labels do not pair up, a text is empty, labels are
    not whole numbers, or all labels are of one class.
    """
    classes = check_labels(texts, labels)
    check_several_classes(classes)
    return model.fit(texts, classes)


def majority() -> "sklearn.pipeline.Pipeline":
    """Always predicts the commonest class: what can be had without reading."""
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import make_pipeline

    return make_pipeline(DummyClassifier())


def tf_idf() -> "sklearn.pipeline.Pipeline":
    """Words and pairs count by how often a text has them and how few others do.

    Source: Salton & Buckley 1988, "Term-Weighting Approaches in Automatic Text
    Retrieval", section 2; the count is damped to 1 + log(count).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    counted = TfidfVectorizer(**COUNTED, sublinear_tf=True)
    return make_pipeline(counted, _regression("tf-idf"))


def naive_bayes_weights() -> "sklearn.pipeline.Pipeline":
    """Words and pairs, present or not, weighted by how they tell the classes apart.

    Source: Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and
    Topic Classification", sections 2.1 and 2.3, with logistic regression for the SVM.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    from lib.finetune.naive_bayes import NaiveBayesWeights

    present = CountVectorizer(
        **COUNTED,
        binary=True,
        dtype=np.float64,  # pyright: ignore[reportArgumentType]  (not int64 alone)
    )
    return make_pipeline(
        present, NaiveBayesWeights(), _regression("naive Bayes weights")
    )


def averaged_vectors(
    tokenizer: WordTokenizer, table: Float[Tensor, "vocab width"]
) -> "sklearn.pipeline.Pipeline":
    """The mean of a text's word vectors (`averages`), each number scaled alike."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    average = partial(averages, tokenizer=tokenizer, table=table)
    return make_pipeline(FunctionTransformer(average), *regression_on_averages())


def regression_on_averages() -> "sklearn.pipeline.Pipeline":
    """What comes after `averages`, to fit on them directly: scaling and regression."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), _regression("averaged vectors"))


def averages(
    texts: Sequence[str],
    tokenizer: WordTokenizer,
    table: Float[Tensor, "vocab width"],
) -> Float[np.ndarray, "text width"]:
    """The mean vector of the words in each text, where frequent ones count little.

    A word with the share p of all words counts `RARE` / (`RARE` + p), and once however
    often the text has it. Shares are guessed from its rank: a tenth over the rank
    (Zipf). Where no word is known the mean is 0. Raises ValueError when there is no
    text, a text has no word, or the table has too few rows for the tokenizer.

    Source: Arora et al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence
    Embeddings", equation 3.
    """
    if isinstance(texts, str) or not len(texts):
        raise ValueError(f"texts must be a list of at least one text, got {texts!r}")
    if len(table) < len(tokenizer):
        raise ValueError(
            f"table must have a row for each of {len(tokenizer)} words, "
            f"got {len(table)} rows"
        )
    table = table.detach().cpu().float()
    rank = torch.arange(len(table)) - len(SPECIAL) + 1
    counts = RARE / (RARE + 0.1 / rank.clamp(min=1))
    counts[: len(SPECIAL)] = 0.0
    rows = []
    for text in texts:
        ids = torch.tensor(tokenizer.encode(text)).unique()
        rows.append(counts[ids] @ table[ids] / counts[ids].sum().clamp(min=1e-9))
    return torch.stack(rows).numpy()


def _regression(name: str) -> "sklearn.linear_model.LogisticRegression":
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C[name], max_iter=1_000)
