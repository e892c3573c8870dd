"""Weights of naive Bayes: by hand, and as scikit-learn's classifier has them."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from lib.finetune.naive_bayes import NaiveBayesWeights

counted = st.lists(
    st.tuples(st.text("ab ", min_size=1, max_size=9), st.integers(0, 1)),
    min_size=2,
    max_size=9,
).filter(lambda rows: len({label for _, label in rows}) == 2)


@given(counted)
def test_the_weights_are_naive_bayes(rows):
    texts, labels = zip(*rows, strict=True)
    seen = CountVectorizer(analyzer="char", binary=True).fit_transform(texts)
    ours = NaiveBayesWeights().fit(seen, labels)
    theirs = MultinomialNB(alpha=1).fit(seen, labels).feature_log_prob_
    np.testing.assert_allclose(ours.weights_, theirs[1] - theirs[0], atol=1e-12)
    dense = seen.toarray() * ours.weights_
    np.testing.assert_allclose(ours.transform(seen).toarray(), dense)


def test_weights_by_hand():
    """Class 1 has the feature in 3 of its 3 + 1 counts, class 0 in 1 of 1 + 3."""
    seen = CountVectorizer(vocabulary=["good", "bad"]).fit_transform(
        ["good good bad", "good", "bad bad", "good bad"]
    )
    found = NaiveBayesWeights().fit(seen, [1, 1, 0, 0]).weights_
    np.testing.assert_allclose(found, [log(4 / 6 / (2 / 6)), log(2 / 6 / (4 / 6))])


@pytest.mark.parametrize("labels", [[1, 1], [0, 2], [-1, 1]])
def test_two_classes_are_needed(labels):
    seen = CountVectorizer().fit_transform(["good", "bad"])
    with pytest.raises(ValueError, match="labels must be 0 and 1, got"):
        NaiveBayesWeights().fit(seen, labels)
