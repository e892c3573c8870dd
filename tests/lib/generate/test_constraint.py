"""Constraints: the text has its form, whatever the model, and however tokens lie."""

import json
import re
from dataclasses import replace

import jaxtyping
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.generate.beam import Beams
from lib.generate.constraint import Constraint, Guide, mask_all
from lib.generate.expressions import DIGIT, END, literal, one_of, repeat, then
from lib.generate.json_text import json_object
from lib.generate.loop import GREEDY, generate, stream
from lib.generate.sampling import Sampling
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from tests.helpers.models import TINY

WRITTEN = '{"title": "Up", "stars": 5, "seen": true} and 10.5, "n": -3}'
PAIRS = BytePairTokenizer.train(WRITTEN * 3, 330, ["<|user|>", "<|end|>"])
USER, STOP = PAIRS.special["<|user|>"], PAIRS.special["<|end|>"]
FORM = {"title": str, "stars": [1, 2, 5], "seen": bool}
JSON = Constraint(json_object(FORM), PAIRS)
YEAR = Constraint(repeat(DIGIT, 2, 4), PAIRS)
PROMPT = torch.tensor([65, 66])
kinds = st.sampled_from([str, int, float, bool, ["a", "b"], [1.5, None]])


@pytest.fixture(autouse=True, scope="module")
def quick():
    """No checks of types: each is longer than what it checks, a step for one byte."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jaxtyping.config, "jaxtyping_disable", True)
        yield


def model(seed=0, **changes):
    torch.manual_seed(seed)
    options = {"vocab": len(PAIRS), "context": 400, "init_std": 0.5, **changes}
    return GPT(replace(TINY, **options)).eval()


def even(ids):
    """A model that finds every token as likely as any other."""
    return torch.zeros(len(ids), 1, len(PAIRS))


def written(net, constraint, most, strategy=Sampling(), **options):  # noqa: B008
    ids = generate(net, PROMPT, most, strategy, constraint=constraint, **options)
    return PAIRS.decode(ids[len(PROMPT) :])


def ids_of(pieces):
    """Ids of tokens by their text."""
    return [PAIRS.tokens.index(piece.encode()) for piece in pieces]


# --- always of its form


@given(
    fields=st.dictionaries(st.text(max_size=3), kinds, max_size=3),
    seed=st.integers(0, 99),
    more=st.integers(0, 30),
    heat=st.sampled_from([0.0, 1.0, 5.0]),
)
def test_json_always_parses(fields, seed, more, heat):
    """A random model, any form, any room for it: from just enough on."""
    expression = json_object(fields)
    most = expression.least + more
    constraint = Constraint(expression, PAIRS)
    text = written(model(seed), constraint, most, Sampling(heat), seed=seed)
    assert list(json.loads(text)) == list(fields)


@pytest.mark.parametrize(
    "strategy",
    [
        Sampling(top_k=1),
        Sampling(top_p=0.1),
        Sampling(min_p=0.9),
        Sampling(repetition_penalty=9.0),
    ],
)
def test_whatever_else_narrows_the_choice(strategy):
    for seed in range(5):
        json.loads(written(model(seed), JSON, 60, strategy))


def test_a_model_that_wants_something_else_is_held_to_it():
    """All its probability lies on a token that is never allowed."""

    def stubborn(ids):
        scores = torch.zeros(len(ids), 1, len(PAIRS))
        scores[..., [USER, STOP, 65]] = 1000.0
        return scores

    text = written(stubborn, JSON, 80)
    assert json.loads(text)["stars"] in FORM["stars"] and "<|" not in text


def test_without_it_a_random_model_writes_no_json():
    ids = generate(model(), PROMPT, 80)
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(PAIRS.decode(ids[2:]))


def test_a_model_that_agrees_is_not_changed():
    """Where the likeliest token is allowed, it is what it would have been."""
    wish = ids_of("{") + PAIRS.encode('"title": "Up", "stars": 5, "seen": true}')

    def decided(ids):
        scores = torch.zeros(1, 1, len(PAIRS))
        scores[..., wish[ids.size(1) - len(PROMPT)]] = 9.0
        return scores

    found = generate(decided, PROMPT, 80, GREEDY, constraint=JSON)
    assert found[2:].tolist() == wish


# --- tokens that straddle


def test_tokens_straddle_what_the_form_tells_apart():
    """These do, and the test would not be one if they did not."""
    assert {b'",', b'":', b'{"', b' "'} <= set(PAIRS.tokens[256:])


def test_every_cut_of_a_text_into_tokens_is_allowed():
    text = b'{"title": "Up", "stars": 5, "seen": true}'
    allowed = 0
    for state, rest in along(JSON.expression, text):
        following = JSON.following(state)
        found = {i for i, token in enumerate(PAIRS.tokens) if rest.startswith(token)}
        assert found <= set(following.tokens.tolist())
        allowed += len(found)
    assert allowed > len(text) + 20


def along(state, text):
    """What is left to write at each place of a text, and the text that is."""
    for place, byte in enumerate(text):
        yield state, text[place:]
        state = state.after(byte)


@given(st.lists(st.integers(0, 255), max_size=8))
def test_what_is_allowed_is_what_goes_on(noise):
    """Token by token, by the derivatives of all its bytes."""
    state = JSON.expression
    for byte in noise + list(b'{"title": "'):
        state = state.after(byte) or state
    left = JSON.following(state).left
    for id, token in enumerate(PAIRS.tokens):
        after = state
        for byte in token:
            after = None if after is None else after.after(byte)
        expected = None if id in PAIRS.special.values() else after
        assert left.get(id) == expected


def test_a_special_token_is_no_text():
    """Not even in a string, which may have its characters."""
    guide = Guide(JSON, 80)
    for token in PAIRS.encode('{"title": "<|user|>'):
        guide.take(token)
    assert not guide.allowed()[[USER, STOP]].any()
    assert guide.allowed()[ids_of("<|")].all()


# --- the end


def test_it_ends_where_nothing_more_may_follow():
    net = model()
    text = written(net, JSON, 300, Sampling(0.5))
    assert text.endswith("}") and len(text) < 300
    steps = list(stream(net, PROMPT, 300, Sampling(0.5), constraint=JSON))
    assert PAIRS.decode(steps) == text


def test_where_it_may_end_a_stop_token_may_come_and_nowhere_else():
    guide = Guide(YEAR, 9, [STOP])
    for digit in "123":
        assert guide.allowed()[STOP] == (digit == "3")
        guide.take(ord(digit))
    assert guide.allowed().nonzero().flatten().tolist() == [*b"0123456789", STOP]
    guide.take(STOP)
    assert guide.done and guide.allowed().all()
    lengths = set()
    for seed in range(30):
        ids = generate(even, PROMPT, 9, constraint=YEAR, stop=[STOP], seed=seed)[2:]
        lengths.add(len(ids))
        assert re.fullmatch(r"\d{2,3}<\|end\|>|\d{4}", PAIRS.decode(ids))
    assert len(lengths) > 1


def test_room_is_kept_for_the_end():
    """At the last token only what ends the text, before it what leaves one byte."""
    least = JSON.expression.least
    guide = Guide(JSON, least)
    for place, byte in enumerate(b'{"title": "'):
        assert guide.constraint.following(guide.state).least.min() <= least - place - 1
        guide.take(byte)
    allowed = set(guide.allowed().nonzero().flatten().tolist())
    assert ord('"') in allowed and not allowed & set(b"abcxyz")


def test_each_text_of_a_batch_has_a_guide_of_its_own():
    prompts = [PROMPT, PROMPT[:1], torch.tensor([7, 8, 9])]
    net = model()
    together = generate(net, prompts, 60, constraint=JSON, stop=[STOP])
    for seed, (prompt, text) in enumerate(zip(prompts, together, strict=True)):
        alone = generate(net, prompt, 60, constraint=JSON, stop=[STOP], seed=seed)
        assert text.equal(alone)
        json.loads(PAIRS.decode(text[len(prompt) :]))
    assert len({len(text) - len(p) for text, p in zip(together, prompts, strict=True)})


def test_the_text_before_does_not_count():
    prompt = torch.tensor(PAIRS.encode('{"title": "'))
    text = PAIRS.decode(generate(model(), prompt, 60, constraint=JSON))
    json.loads(text.removeprefix('{"title": "'))


# --- what is refused


def test_too_little_room_is_refused():
    least = JSON.expression.least
    written(model(), JSON, least)
    message = f"max_new_tokens must be at least {least} under this constraint"
    with pytest.raises(ValueError, match=message):
        generate(model(), PROMPT, least - 1, constraint=JSON)
    with pytest.raises(ValueError, match=message):
        stream(model(), PROMPT, least - 1, constraint=JSON)


def test_a_stop_token_that_is_text_is_refused():
    message = r"stop must hold special tokens beside a constraint, got \[65\]"
    with pytest.raises(ValueError, match=message):
        generate(model(), PROMPT, 60, constraint=JSON, stop=[65, STOP])


def test_beams_and_another_vocabulary_are_refused():
    with pytest.raises(ValueError, match="a constraint needs a Sampling"):
        generate(model(), PROMPT, 60, Beams(), constraint=JSON)
    message = f"has {len(PAIRS)} tokens, the model gave scores for 299"
    with pytest.raises(ValueError, match=message):
        generate(model(vocab=299), PROMPT, 60, constraint=JSON)


def test_a_tokenizer_that_may_get_stuck_is_refused():
    with pytest.raises(ValueError, match=r"BytePairTokenizer, got a CharacterTok"):
        Constraint(literal("ab"), CharacterTokenizer("a"))
    with pytest.raises(ValueError, match="more than the empty text"):
        Constraint(END, PAIRS)


def test_no_guides_mask_nothing():
    scores = torch.randn(2, 5)
    assert mask_all([], scores) is scores
    two = Constraint(then(one_of("ab"), literal("c")), PAIRS)
    masked = mask_all([Guide(two, 2)], torch.zeros(1, len(PAIRS)))
    assert (masked[0] == 0).nonzero().flatten().tolist() == [*b"ab"]
