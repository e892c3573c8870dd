"""A conversation that is typed: in a terminal or a notebook, a line a turn."""

from contextlib import suppress

from lib.instruct.chat import Chat
from lib.instruct.template import Turn


def talk(chat: Chat) -> Chat:
    """Ask for lines and print what the model answers, as it writes; return the chat.

    An empty line ends the conversation, and so does Ctrl-C (in a notebook, the stop
    button). What does not fit the context is said, and ends it too.
    """
    print("Type a line. An empty one ends the conversation.")
    with suppress(EOFError, KeyboardInterrupt):
        while line := input("you: ").strip():
            try:
                answer(chat, line)
            except ValueError as error:
                print(error)
                break
    return chat


def answer(chat: Chat, line: str) -> None:
    """Print what the model answers to a line. Raises ValueError as `Chat.ask` does."""
    chat.add(Turn("user", line))
    print("model: ", end="", flush=True)
    for piece in chat.stream():
        print(piece, end="", flush=True)
    print(end="\n" if chat.finished else " ...\n")
