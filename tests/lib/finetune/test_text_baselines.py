"""Baselines: all learn and say how sure they are, bad input is named."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.finetune import text_baselines
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer

FIRST = len(SPECIAL)
WORDS = WordTokenizer(["film", "good", "bad", "not"])
TABLE = torch.tensor(
    [[9.0, 9], [9, 9], [9, 9], [0, 0.1], [1, 0], [-1, 0], [0.1, 1]]
)  # the special ones, film, good, bad, not
TEXTS = [f"film {'good' if n % 2 else 'bad'} {'film ' * (n % 3)}" for n in range(12)]
LABELS = [n % 2 for n in range(12)]
MAKE = {
    "tf-idf": text_baselines.tf_idf,
    "naive Bayes weights": text_baselines.naive_bayes_weights,
    "averaged vectors": lambda: text_baselines.averaged_vectors(WORDS, TABLE),
}


@pytest.mark.parametrize("name", MAKE)
def test_all_learn_and_say_how_sure_they_are(name):
    model = text_baselines.fit(MAKE[name](), TEXTS, LABELS)
    others = ["a good film", "bad, a bad film", "good, good film"]
    assert model.predict(others).tolist() == [1, 0, 1]
    sure = model.predict_proba(others)
    assert sure.shape == (3, 2)
    np.testing.assert_allclose(sure.sum(axis=1), 1)
    assert ((sure[:, 1] > 0.5) == [True, False, True]).all()


def test_the_majority_is_all_that_is_known_without_reading():
    model = text_baselines.fit(text_baselines.majority(), TEXTS, [1] * 8 + [0] * 4)
    assert model.predict(["bad", "good"]).tolist() == [1, 1]


@pytest.mark.parametrize("name", ["tf-idf", "naive Bayes weights"])
def test_pairs_tell_what_single_words_cannot(name):
    texts = ["not good film bad", "not bad film good"] * 6  # the same words
    model = text_baselines.fit(MAKE[name](), texts, [0, 1] * 6)
    assert model.predict(texts).tolist() == [0, 1] * 6


def test_a_rare_word_counts_more_in_an_average():
    film, good = 1e-3 / (1e-3 + 0.1), 1e-3 / (1e-3 + 0.05)
    expected = (film * TABLE[FIRST] + good * TABLE[FIRST + 1]) / (film + good)
    found = text_baselines.averages(["Film? Good!"], WORDS, TABLE)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


@given(st.lists(st.sampled_from(["film", "good", "bad", "xyz"]), min_size=1))
def test_order_repeats_and_unknown_words_do_not_change_an_average(words):
    found = text_baselines.averages([" ".join(words)], WORDS, TABLE)
    plain = [*dict.fromkeys(sorted(words))]
    again = text_baselines.averages([" ".join(plain)], WORDS, TABLE)
    np.testing.assert_allclose(found, again, rtol=1e-6)
    if set(words) == {"xyz"}:
        assert not found.any()


def test_bad_input_is_named():
    model = text_baselines.tf_idf()
    with pytest.raises(ValueError, match="12 texts and 3 labels"):
        text_baselines.fit(model, TEXTS, [0, 1, 0])
    with pytest.raises(ValueError, match=r"a word each, got none in numbers \[1\]"):
        text_baselines.fit(model, ["film", ""], [0, 1])
    with pytest.raises(ValueError, match="a list of texts, got one: 'film'"):
        text_baselines.fit(model, "film", [0, 1, 0, 1])
    with pytest.raises(ValueError, match="2 classes or more, all are 1"):
        text_baselines.fit(model, TEXTS, [1] * 12)
    some = [1 + label for label in LABELS]
    with pytest.raises(ValueError, match=r"must be 0 and 1, got \[1, 2\]"):
        text_baselines.fit(text_baselines.naive_bayes_weights(), TEXTS, some)
    with pytest.raises(ValueError, match="at least one word, got ' '"):
        text_baselines.averages([" "], WORDS, TABLE)
    for texts in ([], "film"):
        with pytest.raises(ValueError, match="a list of at least one text, got"):
            text_baselines.averages(texts, WORDS, TABLE)
    with pytest.raises(ValueError, match="a row for each of 7 words, got 6 rows"):
        text_baselines.averages(["film"], WORDS, TABLE[:6])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_table_may_be_a_models_weights_of_any_precision(dtype):
    expected = text_baselines.averages(TEXTS, WORDS, TABLE)
    table = torch.nn.Parameter(TABLE.to(dtype))
    found = text_baselines.averages(TEXTS, WORDS, table)
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("name", MAKE)
def test_labels_may_be_booleans(name):
    labels = [bool(label) for label in LABELS]
    model = text_baselines.fit(MAKE[name](), TEXTS, labels)
    assert model.predict(TEXTS[:2]).tolist() == [0, 1]
