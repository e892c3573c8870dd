"""A conversation with a model of a running Python: in Colab and JupyterLab.

An answer is written by a task of the event loop that hears what the reader does.
Between two tokens the loop hears more, so that the stop button works meanwhile.
JupyterLab may hear some controls in another thread, with a loop of its own, so that
no task awaits another.
"""

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lib.instruct.chat import Chat
from lib.instruct.template import Turn
from lib.widgets.chat import filled, row

if TYPE_CHECKING:
    import ipywidgets

A_MOMENT = 0.1  # seconds: a text field tells of the Enter key, and then of its text


def live_chat(chat: Chat) -> "ipywidgets.VBox":
    """Talk with a model, which answers token by token; needs a running Python.

    Enter sends a message. `chat.turns` has what is said, also while one talks.
    """
    return _Panel(chat).box


class _Panel:
    """The log, the answer that is being written, and below them what a reader uses."""

    def __init__(self, chat: Chat):
        from ipywidgets import HTML, Button, HBox, IntProgress, Layout, Text, VBox

        self.chat = chat
        self.rows = [row(turn) for turn in chat.turns]
        self.log, self.answer, self.status = HTML(), HTML(), HTML()
        wide = Layout(width="100%")
        self.field = Text(description="you", continuous_update=False, layout=wide)
        self.fill = IntProgress(
            description="context", max=chat.model.config.context, layout=wide
        )
        buttons = [Button(description=name) for name in ("Send", "Stop")]
        buttons.append(Button(description="New conversation"))
        for button, use in zip(buttons, (self.send, self.stop, self.anew), strict=True):
            button.on_click(lambda _, use=use: use())
        self.field.on_msg(self._on_message)
        lines = [self.log, self.answer, self.field, HBox(buttons), self.fill]
        self.box = VBox([*lines, self.status], layout=Layout(max_width="38rem"))
        self.writing: asyncio.Task[None] | None = None
        self.stopped = False
        self._draw("Enter sends a message.")

    def send(self) -> None:
        """Send what stands in the field, unless an answer is still being written."""
        if self._busy():
            self._show("The model is still writing: Stop ends its answer.")
            return
        self.stopped = False
        self.writing = asyncio.get_running_loop().create_task(self._send())

    def stop(self) -> None:
        """End the answer that is being written, after its next token."""
        self.stopped = True

    def anew(self) -> None:
        """Stop, and forget what was said."""
        self.stop()
        before = self.writing
        self.writing = asyncio.get_running_loop().create_task(self._restart(before))

    def _busy(self) -> bool:
        return self.writing is not None and not self.writing.done()

    def _on_message(self, _: Any, content: dict[str, Any], __: Any) -> None:
        if content.get("event") == "submit":
            self.send()

    async def _send(self) -> None:
        await asyncio.sleep(A_MOMENT)
        text = self.field.value.strip()
        if not text:
            self._show("There is no message to send yet.")
            return
        try:
            self.chat.add(Turn("user", text))
        except ValueError as error:
            self._show(f"Nothing is sent: {error}; shorten it, or begin anew.")
            return
        self.field.value = ""
        self.rows.append(row(self.chat.turns[-1]))
        self._draw("The model writes.")
        await self._write()

    async def _write(self) -> None:
        """Show the answer as it comes; stopped or failed, what there is of it stays."""
        said, failed = "", ""
        try:
            with closing(self.chat.stream()) as pieces:
                for piece in pieces:
                    said += piece
                    self.answer.value = row(Turn("assistant", said))
                    await asyncio.sleep(0)  # clicks are heard here
                    if self.stopped:
                        break
        except (RuntimeError, ValueError) as error:
            failed = f"The model failed: {error}."
        self.rows.append(row(self.chat.turns[-1], self.chat.finished))
        self._draw(failed or self._ended())

    def _ended(self) -> str:
        """How the last answer ended."""
        if self.chat.finished:
            return "The model has answered."
        if self.stopped:
            return "The answer is stopped."
        if self.chat.length == self.chat.model.config.context:
            return (
                "The answer is cut off: the context is full. Begin a new conversation."
            )
        return f"The answer is cut off after {self.chat.max_new_tokens} tokens."

    async def _restart(self, before: "asyncio.Task[None] | None") -> None:
        while before is not None and not before.done():
            await asyncio.sleep(A_MOMENT)
        self.chat.restart()
        self.rows = [row(turn) for turn in self.chat.turns]
        self._draw("This is a new conversation.")

    def _draw(self, words: str) -> None:
        """All turns so far, each complete, and a sentence."""
        self.answer.value = ""
        self.log.value = "".join(self.rows)
        self._show(words)

    def _show(self, words: str) -> None:
        """A sentence, and how full the context is."""
        self.fill.value = self.chat.length
        self.status.value = f"{words} {filled(self.chat)}"
