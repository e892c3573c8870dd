"""A chat: the same answers as from the whole conversation, read once."""

import json
from dataclasses import replace
from itertools import islice

import pytest
import torch

from lib.generate.constraint import Constraint
from lib.generate.json_text import json_object
from lib.generate.loop import GREEDY, generate
from lib.generate.sampling import Sampling
from lib.instruct.chat import Chat
from lib.instruct.template import Template, Turn
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from tests.helpers.models import TINY
from tests.helpers.scripted import PAIRS, Scripted

TEMPLATE = Template(PAIRS)
SYSTEM = Turn("system", "Short answers.")
QUESTIONS = ("Was it good?", "And before <|end|> that?", "3 of 5 stars?")


def model(**changes):
    torch.manual_seed(0)
    options = {"vocab": len(PAIRS), "context": 300, "init_std": 0.3, **changes}
    return GPT(replace(TINY, **options)).eval()


# --- what is said


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_answers_equal_those_from_the_whole_conversation(positions):
    """Read with the cache, turn by turn, as if it had all been read at once."""
    net = model(positions=positions)
    chat = Chat(net, PAIRS, [SYSTEM], max_new_tokens=20)
    ids, stop = TEMPLATE.encode([SYSTEM]), PAIRS.special.values()
    for question in QUESTIONS:
        ids += TEMPLATE.prompt([Turn("user", question)])
        whole = generate(net, torch.tensor(ids), 20, GREEDY, stop=stop)
        said = [id for id in whole[len(ids) :].tolist() if id not in stop]
        assert chat.ask(question) == PAIRS.decode(said) and len(said) > 3
        assert chat.finished == (len(ids) + len(said) < len(whole))
        ids += [*said, TEMPLATE.end]
        assert chat.length == len(ids)


def test_each_token_is_read_once():
    net = Scripted(["Yes.", "3 of 5."])
    chat, read = Chat(net, PAIRS, [SYSTEM]), []
    net.register_forward_pre_hook(lambda _, given: read.extend(given[0][0].tolist()))
    for question in QUESTIONS[:2]:
        chat.ask(question)
    assert [*read, TEMPLATE.end] == TEMPLATE.encode(chat.turns)
    assert chat.length == len(read) + 1 and not chat.model.script


def test_turns_have_all_that_was_said():
    chat = Chat(Scripted(["Yes.", ""]), PAIRS, [SYSTEM])
    assert chat.ask("Good?") == "Yes." and chat.finished
    assert chat.ask("Sure?") == ""
    assert [turn.role for turn in chat.turns] == ["system", *["user", "assistant"] * 2]
    expected = "system: Short answers.\nuser: Good?\nassistant: Yes.\nuser: Sure?"
    assert str(chat).startswith(expected)


def test_what_is_drawn_depends_on_the_seed_alone():
    net = model()
    asked = [
        Chat(net, PAIRS, (), Sampling(), max_new_tokens=15, seed=seed).ask("Good?")
        for seed in (0, 0, 1)
    ]
    assert asked[0] == asked[1] != asked[2]


def test_the_mode_of_the_model_is_as_it_was():
    net = model(dropout=0.5).train()
    chat = Chat(net, PAIRS, max_new_tokens=9)
    assert chat.ask("Good?") == Chat(net, PAIRS, max_new_tokens=9).ask("Good?")
    assert net.training


def test_a_chat_begins_anew_as_it_was_made():
    """With its first turns, nothing kept of the others, and the same draws."""
    chat = Chat(model(), PAIRS, [SYSTEM], Sampling(), max_new_tokens=15, seed=3)
    first, length = chat.ask("Good?"), chat.length
    assert chat.ask("Sure?") != first
    chat.restart()
    assert chat.turns == [SYSTEM] and chat.finished
    assert chat.length == len(TEMPLATE.encode([SYSTEM]))
    assert chat.ask("Good?") == first and chat.length == length


# --- piece by piece


def test_a_stream_gives_the_same_text():
    chat = Chat(Scripted(["Yes, “it” was 👍."]), PAIRS)
    chat.add(Turn("user", "Good?"))
    pieces = list(chat.stream())
    assert "".join(pieces) == chat.turns[-1].text == "Yes, “it” was 👍."
    assert len(pieces) > 5


def test_an_answer_that_is_broken_off_is_a_turn():
    """And the conversation goes on after what was said."""
    net = Scripted(["3 of 5 stars."])
    chat = Chat(net, PAIRS)
    chat.add(Turn("user", "Stars?"))
    stream = chat.stream()
    said = "".join(islice(stream, 2))
    stream.close()
    assert chat.turns[-1] == Turn("assistant", said) and not chat.finished
    net.script = [*PAIRS.encode("Yes."), TEMPLATE.end]
    assert chat.ask("Really?") == "Yes." and chat.finished
    assert chat.length == len(TEMPLATE.encode(chat.turns))


def test_an_answer_is_cut_off_after_the_most_tokens():
    chat = Chat(Scripted(["zzzzzz"]), PAIRS, max_new_tokens=4)
    assert chat.ask("Good?") == "zzzz" and not chat.finished
    assert chat.length == len(TEMPLATE.encode(chat.turns))


def test_any_special_token_ends_an_answer():
    net = Scripted([])
    net.script = [*PAIRS.encode("Yes"), PAIRS.special["<|user|>"]]
    chat = Chat(net, PAIRS)
    assert chat.ask("Good?") == "Yes" and chat.finished
    assert TEMPLATE.decode(TEMPLATE.encode(chat.turns)) == chat.turns


def test_an_answer_under_a_constraint_has_its_form():
    form = Constraint(json_object({"good": bool, "stars": [1, 2, 3]}), PAIRS)
    chat = Chat(model(), PAIRS, strategy=Sampling(), max_new_tokens=40)
    for _ in range(2):
        assert json.loads(chat.ask("Good?", form))["stars"] in (1, 2, 3)
        assert chat.finished


# --- what does not fit


def test_what_does_not_fit_the_context_is_refused():
    """And leaves the conversation as it was."""
    chat = Chat(model(context=20), PAIRS, max_new_tokens=3)
    chat.add(Turn("user", "z" * 14))  # 16 tokens, and 3 for an answer
    chat.answer()
    length, turns = chat.length, list(chat.turns)
    message = rf"context of 20 tokens: {length} so far, 2 of this turn and 3 of"
    with pytest.raises(ValueError, match=message):
        chat.ask("")
    with pytest.raises(ValueError, match="an answer must fit the context of 20"):
        chat.answer()
    assert chat.length == length == 20 and chat.turns == turns
    with pytest.raises(ValueError, match="0 so far, 19 of this turn"):
        Chat(model(context=20), PAIRS, [Turn("user", "z" * 17)])


def test_an_answer_ends_where_the_context_ends():
    chat = Chat(Scripted(["z" * 30], context=20), PAIRS)
    answer = chat.ask("z" * 8)  # 10 tokens, and 2 for role and end
    assert answer == "z" * 8 and not chat.finished


def test_a_constraint_that_does_not_fit_is_refused():
    form = Constraint(json_object({"good": bool}), PAIRS)
    chat = Chat(model(context=25), PAIRS, [Turn("user", "z" * 12)])
    with pytest.raises(ValueError, match="at least 14 under this constraint"):
        chat.answer(form)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="role must be one of"):
        Chat(model(), PAIRS, [Turn("bot", "Hello")])
    with pytest.raises(ValueError, match="max_new_tokens must be above 0, got 0"):
        Chat(model(), PAIRS, max_new_tokens=0)
    with pytest.raises(ValueError, match="model must be a GPT, got Encoder"):
        Chat(Encoder(replace(TINY, vocab=len(PAIRS))), PAIRS)
    with pytest.raises(ValueError, match=r"model has 11 tokens, the tokenizer \d+"):
        Chat(model(vocab=11), PAIRS)
