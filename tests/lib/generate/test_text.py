"""Text: pieces are those of `generate`, whole characters, each with its probability."""

from dataclasses import replace
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.generate.beam import Beams
from lib.generate.loop import GREEDY, generate
from lib.generate.sampling import Sampling
from lib.generate.text import (
    END,
    MOST,
    Scored,
    decode_stream,
    encode_prompt,
    ends,
    room,
    stream_scored,
    stream_text,
)
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from tests.helpers.models import TINY

PAIRS = BytePairTokenizer([(97, 98), (0xE4, 0xBD), (257, 0xA0)], ["<|user|>", END])
LETTERS = CharacterTokenizer("abcdefghijk")


def model(tokenizer=PAIRS, **changes):
    torch.manual_seed(0)
    return GPT(replace(TINY, vocab=len(tokenizer), init_std=0.3, **changes))


@pytest.mark.parametrize("tokenizer", [PAIRS, LETTERS], ids=["pairs", "letters"])
def test_text_is_that_of_generate(tokenizer):
    net, strategy = model(tokenizer), Sampling(0.9, top_k=8, repetition_penalty=1.1)
    pieces = list(stream_text(net, tokenizer, "abab", 40, strategy, stop=(), seed=3))
    prompt = encode_prompt(tokenizer, "abab")
    whole = generate(net, prompt, 40, strategy, seed=3)
    assert "".join(pieces) == tokenizer.decode(whole[len(prompt) :])
    assert len(pieces) > 5


@given(ids=st.lists(st.integers(0, len(PAIRS) - 1)))
def test_pieces_joined_are_the_text_of_any_ids(ids):
    pieces = list(decode_stream(PAIRS, ids))
    assert "".join(pieces) == PAIRS.decode(ids)
    assert all(pieces)


def test_bytes_wait_until_they_are_a_character():
    came = []
    ids = [104, *"ü👍".encode(), 257]
    decoded = decode_stream(PAIRS, (came.append(id) or id for id in ids))
    seen = [(piece, len(came)) for piece in decoded]
    assert seen == [("h", 1), ("ü", 3), ("👍", 7), ("\ufffd", 8)]
    assert list(decode_stream(PAIRS, [258])) == ["\u4f60"]
    assert list(decode_stream(PAIRS, [0xFF, 104])) == ["\ufffd", "h"]


def test_a_probability_is_the_models_own():
    """Whatever filters the choice, and also of the token that ends the text."""
    net = model(LETTERS)
    prompt = encode_prompt(LETTERS, "abc")
    for strategy in (Sampling(0.3, top_k=2, repetition_penalty=2.0), GREEDY):
        scored = list(stream_scored(net, LETTERS, "abc", 9, strategy, seed=1))
        ids = [id for id, _ in scored]
        text = generate(net, prompt, 9, strategy, seed=1)
        assert ids == text[3:].tolist() and type(scored[0]) is Scored
        shares = net(text[None])[0].softmax(-1)
        for place, (id, probability) in enumerate(scored, start=2):
            assert probability == pytest.approx(shares[place, id].item(), abs=1e-5)
    last = ids[2]
    first = ids.index(last) + 1
    stopped = stream_scored(net, LETTERS, "abc", 9, GREEDY, stop=[last])
    assert list(stopped) == scored[:first]


def test_a_text_ends_before_its_end():
    net, end = model(), PAIRS.special[END]
    assert ends(PAIRS) == [end] and ends(LETTERS) == ends(BytePairTokenizer()) == []
    with torch.no_grad():
        net.unembed.weight[end] += 0.25 * net.unembed.weight[98]  # not rare any more
    found = {}
    for seed in range(30):
        past = [id for id, _ in stream_scored(net, PAIRS, "ab", 60, stop=(), seed=seed)]
        told = [id for id, _ in stream_scored(net, PAIRS, "ab", 60, seed=seed)]
        text = "".join(stream_text(net, PAIRS, "ab", 60, seed=seed))
        place = past.index(end) if end in past else len(past)
        assert told == past[: place + 1] and text == PAIRS.decode(past[:place])
        found[end in past] = seed
    assert set(found) == {True, False}
    told = "".join(stream_text(net, PAIRS, "ab", 60, stop=(), seed=found[True]))
    assert END in told


def test_without_a_number_a_text_is_as_long_as_there_is_room():
    assert room(model(), 5) == room(model(), 500) == MOST
    learned = model(LETTERS, positions="learned")  # for 12
    assert len(list(stream_scored(learned, LETTERS, "abc"))) == 10
    assert len(list(stream_scored(learned, LETTERS, "abcabcabcabc"))) == 1
    with pytest.raises(ValueError, match="max_new_tokens=1 need 13 positions"):
        stream_text(learned, LETTERS, "abcabcabcabca")
    with pytest.raises(ValueError, match="max_new_tokens=11 need 13 positions"):
        stream_text(learned, LETTERS, "abc", 11)
    rotary = model(LETTERS)
    assert len(list(islice(stream_text(rotary, LETTERS, "abc" * 20), 300))) == MOST


@pytest.mark.parametrize("stream", [stream_text, stream_scored])
def test_what_cannot_be_is_refused_before_anything_is_written(stream):
    letters, pairs = model(LETTERS), model()
    for net, tokenizer, prompt, told in (
        (letters, LETTERS, "", "prompt must have at least one token, got ''"),
        (pairs, PAIRS, "", "prompt must have at least one token, got ''"),
        (
            letters,
            LETTERS,
            "aXb",
            r"not in the vocabulary: \['X'\]",
        ),
        (pairs, PAIRS, "a\udcff", "text has the lone surrogate"),
    ):
        with pytest.raises(ValueError, match=told):
            stream(net, tokenizer, prompt)
    with pytest.raises(ValueError, match="max_new_tokens must be a whole number abov"):
        stream(pairs, PAIRS, "a", 0)
    with pytest.raises(ValueError, match="seed must be"):
        stream(pairs, PAIRS, "a", 1, seed=-1)


def test_beams_cannot_be_streamed():
    unchecked = stream_scored.__wrapped__
    with pytest.raises(ValueError, match="strategy must be a Sampling to stream"):
        unchecked(model(), PAIRS, "a", 1, Beams())


def test_a_special_tokens_name_in_a_prompt_is_plain_text():
    assert PAIRS.special[END] not in encode_prompt(PAIRS, END).tolist()
