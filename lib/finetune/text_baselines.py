"""Baselines: what simple methods learn from the same labels, in seconds.

They count words, or average word vectors, and draw one straight line (logistic
regression). A model that is slower has to be better, so it needs strong ones beside it:
their settings were chosen on reviews too, not left as they come.

Each is a scikit-learn pipeline: `learn(tf_idf(), texts, labels).predict(others)`.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import Tensor

from lib.finetune.labeled import check_labels
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer
from lib.tokens.words import words_and_marks

C = {"tf-idf": 100.0, "naive Bayes weights": 0.1, "averaged vectors": 0.1}
RARE = 1e-3  # a word with this share of the text counts half
COUNTED = {  # words and pairs of neighbors, if two texts have them
    "tokenizer": words_and_marks,
    "token_pattern": None,
    "lowercase": False,
    "ngram_range": (1, 2),
    "min_df": 2,
}


def learn(model: Pipeline, texts: Sequence[str], labels: Sequence[int]) -> Pipeline:
    """The same pipeline, which can now `predict` and `predict_proba` other texts.

    Raises ValueError when texts and labels do not pair up, a text is empty, or all
    labels are of one class.
    """
    check_labels(texts, labels)
    if len(set(labels)) < 2:
        raise ValueError(f"labels must be of 2 classes or more, all are {labels[0]}")
    return model.fit(texts, labels)


def majority() -> Pipeline:
    """Always the commonest class of those learned from: what knowing nothing gets."""
    return make_pipeline(DummyClassifier())


def tf_idf() -> Pipeline:
    """Words and pairs count by how often a text has them and how few others do.

    Source: Salton & Buckley 1988, "Term-Weighting Approaches in Automatic Text
    Retrieval", section 2; the count is damped to 1 + log(count).
    """
    counted = TfidfVectorizer(**COUNTED, sublinear_tf=True)
    return make_pipeline(counted, _line("tf-idf"))


def naive_bayes_weights() -> Pipeline:
    """Words and pairs, present or not, count by how much commoner one class has them.

    Source: Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and
    Topic Classification", sections 2.1 and 2.3, with logistic regression for the SVM.
    """
    present = CountVectorizer(**COUNTED, binary=True, dtype=np.float64)
    return make_pipeline(present, NaiveBayesWeights(), _line("naive Bayes weights"))


def averaged_vectors(
    tokenizer: WordTokenizer, table: Float[Tensor, "vocab width"]
) -> Pipeline:
    """The mean of a text's word vectors (`averages`), every number of like spread."""
    average = partial(averages, tokenizer=tokenizer, table=table)
    return make_pipeline(FunctionTransformer(average), *line_on_averages())


def line_on_averages() -> Pipeline:
    """What follows the averages, for who has them already: scaled, then the line."""
    return make_pipeline(StandardScaler(), _line("averaged vectors"))


class NaiveBayesWeights(TransformerMixin, BaseEstimator):
    """Multiplies each feature by the logarithm of its share in class 1 over that in 0.

    A class has each feature once more than it was counted, so that no share is 0.
    Source: Wang & Manning 2012, equation 2 (there r, with alpha = 1).
    """

    def fit(self, x, y: Sequence[int]) -> "NaiveBayesWeights":
        """`x` has a row a text. Raises ValueError unless the labels are 0 and 1."""
        y = np.asarray(y)
        if set(y.tolist()) != {0, 1}:
            raise ValueError(f"labels must be 0 and 1, got {sorted(set(y.tolist()))}")
        counts = [1 + np.asarray(x[y == k].sum(axis=0)).ravel() for k in (0, 1)]
        negative, positive = (count / count.sum() for count in counts)
        self.weights_ = np.log(positive / negative)
        return self

    def transform(self, x):
        return x.multiply(self.weights_).tocsr()


def averages(
    texts: Sequence[str],
    tokenizer: WordTokenizer,
    table: Float[Tensor, "vocab width"],
) -> Float[np.ndarray, "text width"]:
    """The mean vector of the words in each text, where frequent ones count little.

    A word with the share p of all words counts `RARE` / (`RARE` + p), and once however
    often the text has it. Shares are guessed from its rank: a tenth over the rank
    (Zipf). The mean of no known word is 0. Raises ValueError for a text without a word.

    Source: Arora et al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence
    Embeddings", equation 3.
    """
    rank = torch.arange(len(table)) - len(SPECIAL) + 1
    counts = RARE / (RARE + 0.1 / rank.clamp(min=1))
    counts[: len(SPECIAL)] = 0.0
    rows = []
    for text in texts:
        ids = torch.tensor(tokenizer.encode(text)).unique()
        rows.append(counts[ids] @ table[ids] / counts[ids].sum().clamp(min=1e-9))
    return torch.stack(rows).numpy()


def _line(name: str) -> LogisticRegression:
    return LogisticRegression(C=C[name], max_iter=1_000)
