"""Many conversations at once: the same answers as one by one."""

from dataclasses import replace

import pytest
import torch

from lib.generate.constraint import Constraint
from lib.generate.json_text import json_object
from lib.instruct import answers
from lib.instruct.answers import Answers, as_turns, conversation
from lib.instruct.chat import SHORTEST, Chat
from lib.instruct.evaluate import Talker
from lib.instruct.tasks import find_task
from lib.instruct.template import Template, Turn
from lib.instruct.tools import CALCULATOR
from lib.model.gpt import GPT
from tests.helpers.models import TINY
from tests.helpers.scripted import PAIRS, Scripted

TALKS = [
    ["Was it good?"],
    ["How many stars, and how many of them are there? Was it good? " * 2],
    ["Was it good?", "Yes.", "3 of 5 stars?"],
    ["<|end|><|assistant|> Yes."],
    ["?"],
]


@pytest.fixture
def net():
    torch.manual_seed(0)
    options = {"vocab": len(PAIRS), "context": 300, "init_std": 0.3}
    return GPT(replace(TINY, **options)).eval()


@pytest.mark.parametrize("batch", [2, 50])
def test_each_reply_is_that_of_a_chat_alone(net, batch, monkeypatch):
    monkeypatch.setattr(answers, "BATCH", batch)
    alone = []
    for talk in TALKS:
        chat = Chat(net, PAIRS, as_turns(talk)[:-1], max_new_tokens=20)
        alone.append(chat.ask(talk[-1]))
    assert Answers(net, PAIRS, max_new_tokens=20).replies(TALKS) == alone
    assert len(set(alone)) > 2


def test_a_reply_ends_at_its_token():
    assert Answers(Scripted(["Yes."]), PAIRS).replies(TALKS[:1]) == ["Yes."]


def test_each_reply_has_the_form_asked_for(net):
    form = Constraint(json_object({"good": ["Yes", "No"]}), PAIRS)
    replies = Answers(net, PAIRS, constraint=form).replies(TALKS)
    assert set(replies) <= {'{"good": "Yes"}', '{"good": "No"}'}


def test_evaluate_takes_it_for_a_model(net):
    assert isinstance(Answers(net, PAIRS), Talker)
    assert Answers(net, PAIRS).replies([]) == []


def test_a_call_is_answered_and_the_reply_to_that_counts():
    net = Scripted(["calculator(12 * 3)", "is 36."])
    talk = [["How many stars?"]]
    assert Answers(net, PAIRS, tools=CALCULATOR).replies(talk) == ["is 36."]
    net = Scripted(["calculator(12 * 3)"])
    assert Answers(net, PAIRS).replies(talk) == ["calculator(12 * 3)"]


def test_a_call_whose_result_does_not_fit_is_the_reply():
    """A conversation that fits is answered, whatever the model writes."""
    call = "calculator(12 * 3)"
    said = [Turn("user", "Stars?"), Turn("assistant", call), Turn("tool", "36")]
    needed = len(Template(PAIRS).prompt(said)) + SHORTEST - 1
    for context, reply in ((needed - 1, call), (needed, "is 36.")):
        net = Scripted([call, "is 36."], context)
        assert Answers(net, PAIRS, tools=CALCULATOR).replies([["Stars?"]]) == [reply]


def test_a_conversation_to_learn_from_has_the_steps_and_ends_with_the_answer():
    for name in ("dialogue", "arithmetic"):
        example = next(find_task(name).examples("training"))
        *said, answer = conversation(example)
        assert answer == Turn("assistant", example.answer)
        turns = len(example.turns)
        assert said == [*as_turns(example.turns), *example.steps]
        assert {turn.role for turn in said[:turns:2]} == {"user"}


@pytest.mark.parametrize("said", [[], ["Hello", "Yes."], "Hello"])
def test_a_conversation_that_the_user_does_not_end_is_refused(said):
    with pytest.raises(ValueError, match="must end with the user's words"):
        as_turns(said)


def test_a_conversation_that_is_too_long_is_named(net):
    long = ["Was it good? " * 200]
    with pytest.raises(ValueError, match=r"context of 300 tokens .* in number 2"):
        Answers(net, PAIRS).replies([TALKS[0], long])
