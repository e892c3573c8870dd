"""A local Sphinx extension: scripts of the theme, mended after they are copied.

1. They say nothing on the browser's console, which is left to what goes wrong.
2. The search shows a line of the entry that it found. It looked the entry up by a name
   with dots in it, which a style selector takes for classes.

The order of what the search finds is in tools/search_order.js.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

BY_NAME = '`[role="main"] ${anchor}`'
ESCAPED = '`[role="main"] #${CSS.escape(anchor.slice(1))}`'


def silent(script: str) -> str:
    """A script that computes what it would have said, and does not say it."""
    return script.replace("console.log(", "void (")


def finding(script: str) -> str:
    """Sphinx's search, with names escaped."""
    if ESCAPED not in script and BY_NAME not in script:
        raise ExtensionError(
            "Sphinx's searchtools.js looks entries up in another way now: "
            "see whether tools/theme_scripts.py is needed still."
        )
    return script.replace(BY_NAME, ESCAPED)


def mend(app: Sphinx, error: Exception | None) -> None:
    """After scripts are copied."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    search = Path(app.outdir, "search.html")  # it has a script of its own
    for path in [*static.glob("*.js"), *static.glob("scripts/*.js"), search]:
        before = path.read_text(encoding="utf-8")
        after = silent(before)
        if path.name == "searchtools.js":
            after = finding(after)
        if after != before:
            path.write_text(after, encoding="utf-8")


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("build-finished", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
