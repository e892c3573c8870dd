"""Features weighted by naive Bayes: a step of a scikit-learn pipeline.

It stands in a file of its own because its class derives from scikit-learn's, which
takes a second to import: `lib.finetune.text_baselines` imports it where it is used.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class NaiveBayesWeights(TransformerMixin, BaseEstimator):
    """Multiplies each feature by the logarithm of its share in class 1 over that in 0.

    Each feature is counted once more in each class, so that no share is 0.
    Source: Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and
    Topic Classification", equation 2 (there r, with alpha = 1).
    """

    def fit(self, x, y: Sequence[int]) -> "NaiveBayesWeights":
        """`x` has a row for each text. Raises ValueError unless labels are 0 and 1."""
        labels = np.asarray(y)
        if (found := set(labels.tolist())) != {0, 1}:
            raise ValueError(f"labels must be 0 and 1, got {sorted(found)}")
        counts = [1 + np.asarray(x[labels == k].sum(axis=0)).ravel() for k in (0, 1)]
        negative, positive = (count / count.sum() for count in counts)
        self.weights_ = np.log(positive / negative)
        return self

    def transform(self, x):
        """The features `x`, each times its weight; a sparse matrix."""
        return x.multiply(self.weights_).tocsr()
