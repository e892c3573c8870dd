"""Settings: what must be the same in a resumed run, and how a difference is told."""

import copy
import math
import re
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.train import Run, cosine, linear_decay
from lib.train.checkpoints.settings import check, config_of, describe, vocabulary
from tests.helpers.runs import CONFIG, make

WHERE = Path("run/step-1")


def described(model=None, optimizer=None, **settings):
    made = make()
    run = Run(model or made[0], optimizer or made[1], iter([]), 100, **settings)
    return describe(run)


def test_a_run_is_like_itself():
    check(described(), described(), WHERE)
    assert described()["config"]["width"] == CONFIG.width


def test_a_rate_is_the_one_before_its_schedule():
    model, optimizer = make()
    before = described(model, optimizer)
    for group in optimizer.param_groups:
        group["initial_lr"], group["lr"] = group["lr"], 0.1 * group["lr"]
    assert described(model, optimizer) == before


def test_schedules_are_told_apart_by_what_they_give():
    kinds = [cosine, linear_decay, partial(cosine, floor=0.2), lambda n, of: 1.0]
    kinds.append(lambda n, of: 0.5)
    told = [described(schedule=kind)["schedule"] for kind in kinds]
    assert len(set(told)) == len(told)
    assert told[2].startswith("cosine ")
    again = partial(cosine, floor=0.2)
    assert described(schedule=again)["schedule"] == told[2]


def test_rates_may_be_tensors_and_clips_infinite():
    model, _ = make()
    sgd = torch.optim.SGD(model.parameters(), lr=torch.tensor(0.5))
    told = described(model, sgd, clip=math.inf)
    assert told["groups"][0]["lr"] == 0.5 and told["clip"] == math.inf


settings = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda below: (
        st.lists(below, min_size=1, max_size=3)
        | st.dictionaries(st.text("ab", min_size=1), below, min_size=1, max_size=3)
    ),
)


@given(st.dictionaries(st.text("ab", min_size=1), settings), st.data())
def test_any_difference_is_named(tree, data):
    check(tree, copy.deepcopy(tree), WHERE)
    if not tree:
        return
    other, place = copy.deepcopy(tree), []
    inner = other
    while True:
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        place.append(data.draw(st.sampled_from(keys)))
        if not isinstance(inner[place[-1]], dict | list):
            break
        inner = inner[place[-1]]
    inner[place[-1]] = "another"
    named = re.escape(".".join(map(str, place)))
    expected = rf"(?s)^{named} must be .* as in run/step-1, got 'another'\Z"
    with pytest.raises(ValueError, match=expected):
        check(tree, other, WHERE)


def test_a_missing_setting_is_a_difference():
    with pytest.raises(ValueError, match=r"^a must be \{'b': 1\} as in .*, got \{\}"):
        check({"a": {"b": 1}}, {"a": {}}, WHERE)
    with pytest.raises(ValueError, match=r"^a must be"):
        check({"a": [1]}, {"a": [1, 2]}, WHERE)


def test_vocabularies_differ_by_any_token():
    letters = CharacterTokenizer("abc")
    assert vocabulary(letters) == vocabulary(CharacterTokenizer("cab"))
    assert vocabulary(letters).startswith("3 tokens ")
    others = [
        letters,
        CharacterTokenizer("abd"),
        BytePairTokenizer(),
        BytePairTokenizer([(97, 98)]),
        BytePairTokenizer([(97, 98)], special=["<end>"]),
        None,
    ]
    assert len({vocabulary(other) for other in others}) == len(others)


def test_a_model_without_configuration_has_none():
    assert config_of(torch.nn.Linear(1, 1)) == {}
