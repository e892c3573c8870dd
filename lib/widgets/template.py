"""Templates: a page of HTML and script, with its data put in place.

What stands in for a value is its name between double underscores, such as `__DATA__`.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each `__NAME__` replaced by the value of that name.

    Values are taken as they are: what looks like a name inside one stays. Raises
    ValueError when the template has a name without a value, or a value has no place.
    """
    names = set(re.findall("__([A-Z]+)__", template))
    if names != set(values):
        raise ValueError(f"values must be of {sorted(names)}, got {sorted(values)}")
    return re.sub("__([A-Z]+)__", lambda found: values[found[1]], template)


def options(names: Iterable[object], chosen: int | None = None) -> str:
    """The options of an HTML select, by number; `chosen` is selected at first."""
    return "".join(
        f"<option value={number}{' selected' * (number == chosen)}>"
        f"{html.escape(str(name))}</option>"
        for number, name in enumerate(names)
    )


def script_json(data: Any) -> str:
    """JSON that may stand inside a script element: no text in it can end or open one.

    Raises ValueError for numbers that JSON does not have: NaN and the infinite ones.
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")
