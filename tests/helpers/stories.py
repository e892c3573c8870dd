"""A reader of stories that shares no code with what tells them.

It looks for sentences and works back from the last one that matters.
"""

import re

GOES = re.compile(r"(\w+) (?:goes to|walks to) the (\w+)\.")
TAKES = re.compile(r"(\w+) (?:takes|picks up) the (\w+)\.")
LEAVES = re.compile(r"(\w+) (?:puts down the (\w+)|leaves the (\w+) there)\.")
HANDS = re.compile(r"(\w+) (?:hands the (\w+) to (\w+)|gives (\w+) the (\w+))\.")
TOUCHES = (TAKES, LEAVES, HANDS)


def rooms(text: str, who: str) -> list[str]:
    """All rooms that a person went to, in order."""
    return [room for name, room in GOES.findall(text) if name == who]


def people(text: str) -> set[str]:
    return {name for name, _ in GOES.findall(text)}


def things(text: str) -> set[str]:
    return {thing for _, thing in TAKES.findall(text)}


def last_touch(text: str, thing: str) -> tuple[str | None, str, int]:
    """Who has the thing after the last sentence about it, who acted, and its end."""
    touches = [match for kind in TOUCHES for match in kind.finditer(text)]
    last = max((t for t in touches if f"the {thing}" in t[0]), key=re.Match.end)
    if last.re is LEAVES:
        holder = None
    else:
        holder = last[1] if last.re is TAKES else last[3] or last[4]
    return holder, last[1], last.end()


def thing_room(text: str, thing: str) -> str:
    """Where a thing is that somebody took."""
    holder, actor, end = last_touch(text, thing)
    return rooms(text, holder)[-1] if holder else rooms(text[:end], actor)[-1]


def named(answer: str) -> str:
    """The room of an answer such as "Tom is in the bar."."""
    (room,) = re.findall(r"\A(?:\w+|The \w+) is in the (\w+)\.\Z", answer)
    return room
