"""A conversation with a model: what stands in a notebook."""

import html
import json
import re
from dataclasses import replace

import pytest

from lib import widgets
from lib.generate.sampling import Sampling
from lib.hub.pretrained import load_gpt
from lib.instruct.chat import Chat
from lib.instruct.template import Turn
from lib.widgets.chat import NAMES
from tests.helpers.models import TINY
from tests.helpers.models_on_disk import write_gpt
from tests.helpers.scripted import PAIRS

QUESTIONS = ["Was it <b>good</b>?", "And “before” <|end|> that?", "3 of 5 stars?"]
SYSTEM = Turn("system", "Short </script> answers.")
ROW = re.compile(
    r'<p class="turn (\w+)" [^>]*><b>(\w+)</b> <span class="text" [^>]*>(.*?)</span>'
    r'(<span class="cut"> …</span>)?</p>',
    re.S,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models: some of the first one's answers end; the second holds no talk."""
    folder = tmp_path_factory.mktemp("models")
    config = replace(TINY, width=32, init_std=0.5, context=300)
    write_gpt("talks", folder, config, PAIRS)
    write_gpt("letters", folder, TINY)
    return folder


def given(page):
    """What the script in the page gets: name, megabytes, and the conversation."""
    told = re.search(r"it\.start\(root, (.*), tell\)\)", page)[1]
    return json.loads(f"[{told}]")


@pytest.mark.parametrize("strategy", [None, Sampling(0.9, top_k=50)])
def test_it_is_what_a_chat_says(strategy, folder):
    options = [] if strategy is None else [strategy]
    page = widgets.chat_explorer(
        "talks", QUESTIONS, *options, before=[SYSTEM], max_new_tokens=12, folder=folder
    ).data
    model, tokenizer, _ = load_gpt("talks", folder)
    chat = Chat(model, tokenizer, [SYSTEM], *options, max_new_tokens=12)
    ends = [chat.ask(question) and chat.finished for question in QUESTIONS]
    found = ROW.findall(page)
    roles = [(turn.role, NAMES[turn.role]) for turn in chat.turns]
    assert [row[:2] for row in found] == roles
    assert [html.unescape(row[2]) for row in found] == [t.text for t in chat.turns]
    cut = [not row[3] for row in found if row[0] == "assistant"]
    assert cut == ends and (strategy or set(ends) == {True, False})
    assert not any(row[3] for row in found if row[0] != "assistant")
    assert f"has {chat.length} of the 300 tokens that fit" in page
    assert f'value="{chat.length}" max="300"' in page


def test_the_page_gets_the_same_conversation(folder):
    page = widgets.chat_explorer(
        "talks", QUESTIONS[:1], before=[SYSTEM], max_new_tokens=9, folder=folder
    ).data
    name, _, talk = given(page)
    assert name == "talks" and talk["first"] == 1 and talk["many"] == 9
    rows = [html.unescape(row[2]) for row in ROW.findall(page)]
    assert [turn["text"] for turn in talk["turns"]] == rows
    assert [turn["role"] for turn in talk["turns"]] == ["system", "user", "assistant"]
    assert talk["sampling"]["temperature"] == 0  # greedy, unless another is asked for


def test_no_text_can_end_the_script_or_open_a_tag(folder):
    page = widgets.chat_explorer(
        "talks", QUESTIONS, before=[SYSTEM], folder=folder, max_new_tokens=3
    ).data
    assert page.count("</script>") == 2 and "<b>good" not in page.split("<script")[0]
    assert not re.search("__[A-Z]+__", page)


def test_it_may_begin_empty_and_stands_twice_on_a_page(folder):
    pages = [widgets.chat_explorer("talks", [], folder=folder).data for _ in "ab"]
    assert len({re.search(r'id="([^"]+)"', page)[1] for page in pages}) == 2
    assert not ROW.findall(pages[0]) and "has 0 of the 300 tokens" in pages[0]


def test_bad_input_is_refused(folder):
    for bad, options, message in (
        ("none", {}, r"name must be one of \['letters', 'talks'\]"),
        ("letters", {}, "tokenizer must have the special tokens"),
        ("talks", {"before": [Turn("bot", "a")]}, "role must be one of"),
        ("talks", {"before": [Turn("user", "z" * 280)]}, "must fit the context of 300"),
    ):
        with pytest.raises(ValueError, match=message):
            widgets.chat_explorer(bad, QUESTIONS, folder=folder, **options)
