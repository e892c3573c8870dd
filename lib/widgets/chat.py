"""A conversation with a GPT of the hub: stored, and live in the page of the site.

What stands in a notebook are answers to prepared questions. On the site a reader can
wake the model: `assets/chat.js` then goes on with the conversation, turn by turn.
"""

import html
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from IPython.display import HTML

from lib.generate.loop import GREEDY
from lib.generate.sampling import Sampling
from lib.hub import pretrained
from lib.instruct.chat import Chat
from lib.instruct.template import Turn
from lib.widgets.template import fill
from lib.widgets.wake import Words, page, wakeable

NAMES = {"system": "System", "user": "You", "assistant": "Model", "tool": "Tool"}
WORDS = Words(
    label="A conversation with the model",
    what="conversation",
    does="answers",
    then="it answers here; the conversation goes on, or you begin another",
)


def chat_explorer(
    name: str,
    questions: Iterable[str],
    strategy: Sampling = GREEDY,
    *,
    before: Iterable[Turn] = (),
    max_new_tokens: int = 100,
    folder: str | Path = pretrained.FOLDER,
) -> HTML:
    """What a GPT of the hub answers to some questions; on the site a reader asks on.

    `name` is that of the weights. `before` are turns that stand before every
    conversation, such as what the system says. Raises ValueError for an unknown name,
    for a model without the special tokens of a conversation, and when the questions do
    not fit its context.
    """
    model, tokenizer, _ = pretrained.load_gpt(name, folder)
    chat = Chat(model, tokenizer, before, strategy, max_new_tokens=max_new_tokens)
    first = len(chat.turns)
    rows = [row(turn) for turn in chat.turns]
    for question in questions:
        chat.ask(question)
        rows += [row(chat.turns[-2]), row(chat.turns[-1], chat.finished)]
    context = model.config.context
    values = {
        "TURNS": "".join(rows),
        "USED": str(chat.length),
        "CONTEXT": str(context),
        "SAYS": filled(chat),
    }
    given = {
        "turns": [turn._asdict() for turn in chat.turns],
        "first": first,
        "many": max_new_tokens,
        "sampling": asdict(strategy),
    }
    return wakeable("chat", name, WORDS, fill(page("chat"), values), given, folder)


def filled(chat: Chat) -> str:
    """How full the context is, in words."""
    return (
        f"The conversation has {chat.length} of the {chat.model.config.context} tokens "
        f"that fit the model’s context."
    )


def row(turn: Turn, finished: bool = True) -> str:
    """A turn to read, as HTML: who says it, what, and a mark where it is cut off."""
    cut = "" if finished else '<span class="cut"> …</span>'
    return (
        f'<p class="turn {turn.role}" style="margin:0 0 .4rem"><b>{NAMES[turn.role]}'
        f'</b> <span class="text" style="white-space:pre-wrap;overflow-wrap:anywhere">'
        f"{html.escape(turn.text)}</span>{cut}</p>"
    )
