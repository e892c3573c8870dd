"""The live conversation: what is shown while it goes on, and how it is stopped."""

import asyncio
import re
from itertools import pairwise

import pytest
from jupyter_client.manager import start_new_kernel

from lib.instruct.chat import Chat
from lib.instruct.template import Turn
from lib.widgets.live_chat import live_chat
from tests.helpers.scripted import PAIRS, Scripted

ROWS = re.compile(r"<b>(\w+)</b> <span[^>]*>(.*?)</span>(<span class=\"cut\">)?", re.S)


class Panel:
    """A panel's parts by name, and what a reader does with them."""

    def __init__(self, answers, before=(), **options):
        model = Scripted(answers, options.pop("context", 400))
        self.chat = Chat(model, PAIRS, before, **options)
        self.log, self.answer, self.field, buttons, self.fill, self.status = live_chat(
            self.chat
        ).children
        self.send, self.stop, self.new = buttons.children

    def press_enter(self, text):
        """As a text field tells of it: the key first, and then the text."""
        self.field._handle_msg({"content": {"data": CUSTOM}, "buffers": []})
        self.field.value = text

    async def ask(self, text):
        self.press_enter(text)
        await self.ended()

    async def ended(self):
        """Wait for all that the panel has begun."""
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=20)

    async def writing(self):
        """Wait until a part of an answer is shown."""
        for _ in range(1000):
            if self.answer.value:
                return
            await asyncio.sleep(0.001)

    def rows(self):
        return [(who, text) for who, text, _ in ROWS.findall(self.log.value)]


CUSTOM = {"method": "custom", "content": {"event": "submit"}}


def test_a_conversation_is_shown_with_what_it_uses():
    panel = Panel(["Yes.", "3 of 5."], [Turn("system", "<b>Short</b>.")])

    async def talk():
        assert panel.status.value.startswith("Enter sends a message.")
        await panel.ask("Was it good?")
        assert panel.field.value == ""
        panel.field.value = "Stars?"
        panel.send.click()
        await panel.ended()

    asyncio.run(talk())
    assert panel.rows() == [
        ("System", "&lt;b&gt;Short&lt;/b&gt;."),
        *(("You", "Was it good?"), ("Model", "Yes.")),
        *(("You", "Stars?"), ("Model", "3 of 5.")),
    ]
    assert panel.fill.value == panel.chat.length and panel.fill.max == 400
    said = (
        f"The model has answered. The conversation has {panel.chat.length} of the 400"
    )
    assert panel.status.value.startswith(said)


def test_an_answer_comes_token_by_token():
    panel, seen = Panel(["Yes, it was."]), []
    panel.answer.observe(lambda change: seen.append(change["new"]), "value")
    asyncio.run(panel.ask("Good?"))
    texts = [ROWS.findall(value)[0][1] for value in seen if value]
    assert texts[-1] == "Yes, it was." and len(texts) == len(PAIRS.encode(texts[-1]))
    assert all(after.startswith(before) for before, after in pairwise(texts))
    assert panel.answer.value == ""  # it stands in the log


def test_an_answer_is_stopped_and_the_conversation_goes_on():
    panel = Panel(["z" * 200])

    async def talk():
        panel.press_enter("Good?")
        await panel.writing()
        panel.send.click()
        assert panel.status.value.startswith("The model is still writing")
        assert panel.answer.value
        panel.stop.click()
        await panel.ended()
        assert panel.status.value.startswith("The answer is stopped.")
        panel.chat.model.script = [*PAIRS.encode("Yes."), PAIRS.special["<|end|>"]]
        await panel.ask("Sure?")

    asyncio.run(talk())
    first = panel.chat.turns[1].text
    assert first == "z" * len(first) and 0 < len(first) < 200
    assert panel.rows() == [
        *(("You", "Good?"), ("Model", first)),
        *(("You", "Sure?"), ("Model", "Yes.")),
    ]
    assert [bool(cut) for *_, cut in ROWS.findall(panel.log.value)] == [0, 1, 0, 0]


def test_a_new_conversation_keeps_what_the_system_says():
    """Also where one is begun while the model writes."""
    panel = Panel(["z" * 200], [Turn("system", "Short.")])

    async def talk():
        panel.press_enter("Good?")
        await panel.writing()
        panel.new.click()
        await panel.ended()
        assert panel.status.value.startswith("This is a new conversation.")
        assert panel.chat.turns == [Turn("system", "Short.")]
        panel.chat.model.script = [*PAIRS.encode("Yes."), PAIRS.special["<|end|>"]]
        await panel.ask("Sure?")

    asyncio.run(talk())
    assert panel.rows() == [("System", "Short."), ("You", "Sure?"), ("Model", "Yes.")]


def test_each_control_may_be_heard_by_another_loop():
    """As in JupyterLab, which gives some of them a thread of their own."""
    panel = Panel(["Yes.", "No."])

    async def begin():
        panel.new.click()
        await panel.ended()

    asyncio.run(panel.ask("Good?"))
    asyncio.run(begin())
    assert panel.status.value.startswith("This is a new conversation.")
    asyncio.run(panel.ask("Sure?"))
    assert panel.rows() == [("You", "Sure?"), ("Model", "No.")]


def test_what_cannot_be_sent_is_said_and_changes_nothing():
    panel = Panel(["z" * 30], context=30, max_new_tokens=20)

    async def talk():
        await panel.ask("  ")
        assert panel.status.value.startswith("There is no message to send yet.")
        await panel.ask("z" * 40)
        said = panel.status.value
        assert said.startswith("Nothing is sent: a conversation must fit the context")
        assert "0 so far, 42 of this turn" in said and panel.field.value == "z" * 40
        assert panel.rows() == [] == panel.chat.turns
        await panel.ask("z")
        assert "The answer is cut off after 20 tokens." in panel.status.value
        panel.new.click()
        await panel.ended()
        panel.chat.model.script = [90] * 30
        await panel.ask("z" * 15)
        assert "cut off: the context is full." in panel.status.value

    asyncio.run(talk())


def test_a_model_that_fails_says_so_and_can_be_asked_again():
    panel = Panel(["Yes."])

    async def talk():
        script, panel.chat.model.script = panel.chat.model.script, None
        panel.chat.model.forward = fail
        await panel.ask("Good?")
        assert panel.status.value.startswith("The model failed: no memory left.")
        del panel.chat.model.forward
        panel.chat.model.script = script
        panel.new.click()
        await panel.ended()
        await panel.ask("Good?")

    asyncio.run(talk())
    assert panel.rows() == [("You", "Good?"), ("Model", "Yes.")]


def fail(*_, **__):
    raise RuntimeError("no memory left")


# --- in a kernel, as JupyterLab and Colab have one

CELL = """
from lib.instruct.chat import Chat
from lib.widgets.live_chat import live_chat
from tests.helpers.scripted import PAIRS, Scripted
chat = Chat(Scripted(["z" * 3000], 4000), PAIRS, max_new_tokens=3000)
panel = live_chat(chat)
_, answer, field, buttons, _, status = panel.children
field.value = "Good?"
print(*(each.model_id for each in (*buttons.children, answer)))
"""


@pytest.mark.processes
def test_a_click_is_heard_while_the_model_writes():
    manager, client = start_new_kernel()
    try:
        ids = run(client, CELL).split()
        click(client, ids[0])
        for _ in range(20):  # that many times the answer is shown
            await_update(client, ids[3])
        click(client, ids[1])
        run(client, "import asyncio; await asyncio.sleep(0.5)")
        said = run(client, "print(status.value, len(chat.turns[1].text))")
        assert said.startswith("The answer is stopped.")
        assert 20 <= int(said.split()[-1]) < 2900
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client, code):
    """What a cell prints."""
    printed = []

    def note(message):
        assert message["msg_type"] != "error", message["content"]["traceback"]
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    client.execute_interactive(code, timeout=60, output_hook=note)
    return "".join(printed)


def click(client, model_id):
    """As the button of a page sends it."""
    data = {"method": "custom", "content": {"event": "click"}}
    content = {"comm_id": model_id, "data": data}
    client.shell_channel.send(client.session.msg("comm_msg", content))


def await_update(client, model_id):
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["content"].get("comm_id") == model_id:
            return
