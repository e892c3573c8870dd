"""A model that a reader can wake in the page of the site: what all its widgets share.

What stands in a notebook is stored. On the site a button loads the model, and a script
of `assets/` puts controls in the place of the button.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from IPython.display import HTML

from lib.hub import pretrained
from lib.widgets.template import fill, script_json

# Widgets are counted, not named at random: the same notebook gives the same page.
_numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))


class Words(NamedTuple):
    """How a widget speaks of what it stores, and of what it does when awake."""

    label: str  # what the widget is, for a reader who does not see it
    what: str  # "text": what is stored
    does: str  # "writes another": what the model does in the page
    then: str  # "it writes another here": what comes of waking it


def wakeable(
    kind: str, name: str, words: Words, body: str, given: Any, folder: str | Path
) -> HTML:
    """A stored `body` that the GPT of a name goes on with, once it is awake.

    `assets/{kind}.js` is what then works in the page: its `start` gets the element, the
    name, the megabytes, `given` (anything that JSON holds) and a function that says a
    sentence.
    """
    values = {
        "ID": f"gpt-{kind}-{next(_numbers[kind])}",
        "KIND": kind,
        "LABEL": words.label,
        "MEGABYTES": pretrained.megabytes(name, folder),
        "WHAT": words.what,
        "DOES": words.does,
        "THEN": words.then,
        "BODY": body,
        "NAME": script_json(name),
        "GIVEN": script_json(given),
    }
    return HTML(fill(page("wake"), values))


def page(name: str) -> str:
    """A template of the folder `pages`."""
    path = resources.files("lib.widgets") / "pages" / f"{name}.html"
    return path.read_text(encoding="utf-8")
