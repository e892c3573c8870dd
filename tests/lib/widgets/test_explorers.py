"""Explorers: their data, what a screen reader hears, their bad input."""

import json
import re

import pytest
import torch

from lib import widgets
from lib.tokens.tokenizer import BytePairTokenizer


def data_of(page):
    return json.loads(re.search(r"data = (\[.*\]);", page.data)[1])


def test_the_token_explorer_carries_texts_and_merges():
    tokenizer = BytePairTokenizer.train("never, never </script>", vocab=262)
    page = widgets.token_explorer(tokenizer, ["never </script>", "你好\n"]).data
    carried = re.search(r"texts = (.*), merges = (.*), word = ", page)
    assert json.loads(carried[1]) == ["never </script>", "你好\n"]
    assert [tuple(pair) for pair in json.loads(carried[2])] == tokenizer.merges
    assert 'max="6"' in page and page.count("</script>") == 1
    assert "<option value=0>never·&lt;/script&gt;</option>" in page


def test_the_word_explorer_carries_places_and_the_nearest():
    places = torch.tensor([[0.0, 5.0], [2.0, 1.0], [1.0, 3.0]])
    alike = torch.tensor([[1.0, 0.254, 0.9], [0.254, 1.0, -0.3], [0.9, -0.3, 1.0]])
    page = widgets.word_explorer(["a", "b", "<c>"], places, alike)
    assert data_of(page) == [
        {"word": "a", "at": [0, 1], "near": [2, 1], "percent": [90, 25]},
        {"word": "b", "at": [1, 0], "near": [0, 2], "percent": [25, -30]},
        {"word": "<c>", "at": [0.5, 0.5], "near": [0, 1], "percent": [90, -30]},
    ]
    assert ".value = 0;" in page.data
    page = widgets.word_explorer(["a", "b", "<c>"], places, alike, chosen="b")
    assert ".value = 1;" in page.data
    assert 'max="2"' in page.data and "<option value=2>&lt;c&gt;</option>" in page.data
    assert alike.diagonal().tolist() == [1, 1, 1]  # what was given is left alone


def test_words_that_do_not_fit_their_map_are_refused():
    with pytest.raises(
        ValueError, match=r"2 words do not fit places of shape \(3, 2\)"
    ):
        widgets.word_explorer(["a", "b"], torch.zeros(3, 2), torch.eye(3))


def test_explorers_on_one_page_have_ids_of_their_own():
    ids = set()
    for page in (
        widgets.softmax_explorer(["a"], [1.0]),
        widgets.softmax_explorer(["a"], [1.0]),
        widgets.next_token_explorer(["a"], ["b"], [torch.zeros(1)]),
        widgets.token_explorer(BytePairTokenizer(), ["a"]),
        widgets.word_explorer(["a", "b"], torch.eye(2), torch.eye(2)),
    ):
        ids.add(re.search(r'id="([^"]+)"', page.data)[1])
        assert "__" not in page.data
    assert len(ids) == 5


def test_no_text_can_end_the_script():
    page = widgets.softmax_explorer(["</script><b>"], [1.0])
    assert page.data.count("</script>") == 1


def test_the_next_token_explorer_holds_the_scores():
    page = widgets.next_token_explorer(
        ["a", "\n", "</script>"],
        ["x y", "z"],
        list(torch.tensor([[1.234, -0.5, 0], [2, 3, 4]])),
    )
    assert "[[1.23,-0.5,0.0],[2.0,3.0,4.0]]" in page.data
    assert "<option value=0>x·y</option>" in page.data and '["a","↵",' in page.data
    assert page.data.count("</script>") == 1
    with pytest.raises(ValueError, match="2 tokens do not fit 3 scores"):
        widgets.next_token_explorer(["a", "b"], ["x"], [torch.zeros(3)])


def walk(text, width=5, vocab=4, parts=("embed", "blocks.0.attention")):
    torch.manual_seed(len(text))
    streams = {part: torch.randn(1, len(text), width) for part in parts}
    guesses = {part: torch.rand(1, len(text), vocab).softmax(-1) for part in parts}
    return list(text), streams, guesses


def test_the_stream_explorer_carries_lengths_and_guesses():
    vocabulary, texts = list("<abc"), ["abca", "c<"]
    tokens, streams, guesses = zip(*map(walk, texts), strict=True)
    page = widgets.stream_explorer(vocabulary, tokens, streams, guesses)
    assert "__" not in page.data
    names, data = re.search(r"names = (\[.*?\]), data = (\[.*\]);", page.data).groups()
    assert json.loads(names) == ["embed", "0.attention"]
    data = json.loads(data)
    assert [d["tokens"] for d in data] == [list(text) for text in texts]
    first, second = streams[0].values()
    length, added, top, *truth = data[0]["steps"][2][1]
    assert length == pytest.approx(second[0, 2].norm().item(), abs=0.006)
    assert added == pytest.approx((second - first)[0, 2].norm().item(), abs=0.006)
    shares = 100 * guesses[0]["blocks.0.attention"][0, 2]
    best = shares.argmax().item()
    assert top[0] == [vocabulary[best], round(shares[best].item())]
    assert len(top) == 3 and truth == [round(shares[vocabulary.index("a")].item())]
    assert len(data[0]["steps"][3][0]) == 3  # nothing follows the last token


def test_streams_that_do_not_fit_are_refused():
    tokens, streams, guesses = walk("abc")
    with pytest.raises(ValueError, match="2 tokens do not fit 3 positions"):
        widgets.stream_explorer(list("abc<"), [tokens[:2]], [streams], [guesses])


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda: widgets.stream_explorer(["a"], [], [], []), "at least one text"),
        (lambda: widgets.next_token_explorer(["a"], [], []), "at least one text"),
        (lambda: widgets.token_explorer(BytePairTokenizer(), []), "at least one text"),
        (
            lambda: widgets.next_token_explorer(["a"], ["b", "c"], [torch.zeros(1)]),
            "2 texts do not fit 1 scores",
        ),
        (
            lambda: widgets.next_token_explorer(
                ["a"], ["b"], [torch.full((1,), -9e999)]
            ),
            "scores must be finite",
        ),
        (lambda: widgets.softmax_explorer([], []), "0 names do not fit 0 scores"),
        (lambda: widgets.softmax_explorer(["a"], [1.0, 2.0]), "1 names do not fit 2"),
        (lambda: widgets.softmax_explorer(["a"], [torch.nan]), "must be finite"),
        (
            lambda: widgets.word_explorer(["a"], torch.ones(1, 2), torch.ones(1, 1)),
            "got 1 words and many=8",
        ),
        (
            lambda: widgets.word_explorer(
                ["a", "b"], torch.eye(2), torch.eye(2), chosen="c"
            ),
            "chosen must be one of the words, got 'c'",
        ),
    ],
)
def test_what_cannot_be_explored_is_named(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_a_stream_of_other_words_or_few_words():
    tokens, streams, guesses = walk("ab", vocab=2)
    page = widgets.stream_explorer(["a", "b"], [tokens], [streams], [guesses])
    assert all(len(part[2]) == 2 for step in data_of(page)[0]["steps"] for part in step)
    with pytest.raises(ValueError, match=r"in the vocabulary, \['b'\] are not"):
        widgets.stream_explorer(["a", "c"], [tokens], [streams], [guesses])


def test_words_in_one_place_are_drawn():
    page = widgets.word_explorer(["a", "b"], torch.ones(2, 2), torch.eye(2))
    assert [word["at"] for word in data_of(page)] == [[0, 0], [0, 0]]


def test_a_text_that_looks_like_a_place_stays_as_it_is():
    page = widgets.next_token_explorer(["__DATA__"], ["__NAMES__"], [torch.zeros(1)])
    assert "<option value=0>__NAMES__</option>" in page.data
    assert 'names = ["__DATA__"], data = [[0.0]]' in page.data
