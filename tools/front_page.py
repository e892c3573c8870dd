"""A local Sphinx extension: the picture and the list of chapters on the front page.

The directive `prediction` draws the stored result of `benchmarks/front_page.py`: a line
of text, what a small GPT expects after each of its letters, and where its heads look.
Nothing is computed here; the first state stands in the page, for readers without
JavaScript. Into a field a reader can type another line, which the same model reads in
the browser: see assets/prediction.js, and tools/site_models.py for the model.

The directive `chapter-path` lists every chapter with what its header says of it. In its
lines stands what each trains.
"""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lib.hub.pretrained import megabytes
from lib.widgets.template import options, script_json
from tools.address import chapters, read_notebook
from tools.reference_pages import note_sources, place_link

TEMPLATE = Path(__file__).with_name("prediction.html")
RESULT = "benchmarks/results/front_page.json"
EXPLAINED = "chapters/06_training"  # what the recipe does
MODEL = "plays_gpt"
START, LAYER, HEAD = 19, 3, 3  # after "Is this a dagger whi": each guess makes a word
HEADER = re.compile(r"^- \*\*([\w ]+?):?\*\*:? (.+)$", re.MULTILINE)


class Prediction(SphinxDirective):
    """The picture, and under it what model it is of."""

    def run(self) -> list[nodes.Node]:
        """HTML with all states of the picture; a paragraph from the stored figures."""
        result = Path(self.env.srcdir, RESULT)
        self.env.note_dependency(str(result))
        self.env.note_dependency(str(TEMPLATE))
        figures = json.loads(result.read_text(encoding="utf-8"))["figures"]
        return [nodes.raw("", picture(figures), format="html"), caption(figures)]


def caption(figures: dict) -> nodes.paragraph:
    """What model it is, how it was trained, what it read."""
    model = (
        f"A GPT of {figures['parameters']:,} parameters after "
        f"{figures['processor_seconds']} seconds of training on one processor core ("
    )
    text = (
        f"). It learned from {figures['characters_learned_from']:,} characters of "
        f"{figures['plays_learned_from']} plays of Shakespeare, and none of them is "
        f"{figures['play']}."
    )
    link = place_link(chapter=EXPLAINED, heading="")
    return nodes.paragraph("", model, link, nodes.Text(text), classes=["prediction-of"])


def picture(figures: dict) -> str:
    """The template with the first state in place, and all others as data."""
    every, now = states(figures), START
    chosen = LAYER * len(figures["weights"][0]) + HEAD
    seen = every["heads"][chosen]
    values = {
        "LINE": html.escape(figures["line"].strip()),
        "LETTERS": letters(figures["line"], now, seen["shares"][now]),
        "LAST": str(len(every["says"]) - 1),
        "NOW": str(now),
        "HEADS": options(heads(figures["weights"])),
        "HEAD": str(chosen),
        "GUESSES": "".join(bar(*guess) for guess in every["guesses"][now]),
        "SAYS": html.escape(every["says"][now], quote=False),
        "LOOKS": html.escape(seen["looks"][now], quote=False),
        "DATA": script_json(every),
        "MODEL": MODEL,
        "MEGABYTES": megabytes(MODEL),
    }
    page = TEMPLATE.read_text(encoding="utf-8")
    return re.sub("__([A-Z]+)__", lambda found: values[found[1]], page)


def letters(line: str, now: int, shares: str) -> str:
    """The line, each letter shaded up to half; a row may end after a space."""
    shades, parts = [int(share) / 2 for share in shares.split()], []
    for i, each in enumerate(line):
        kind = "read" if i < now else {0: "now", 1: "next"}.get(i - now, "later")
        shown = {" ": "&nbsp;", "\n": "↵"}.get(each, html.escape(each))
        shade = shades[i] if i <= now else 0
        parts.append(
            f'<span class="{kind}" style="--share: {shade:g}%;">{shown}</span>'
        )
    return "".join(f"{part}<wbr>" if "nbsp" in part else part for part in parts)


def heads(weights: list[list[list[str]]]) -> list[str]:
    """Every head of every layer, to choose from."""
    return [
        f"layer {layer}, head {head}"
        for layer, heads in enumerate(weights)
        for head in range(len(heads))
    ]


def bar(shown: str, percent: int, kind: str) -> str:
    """One row: the letter, a bar, the percents, and a mark if it is what came."""
    return (
        f'<div class="{kind}" style="--share: {percent}%;"><b>{html.escape(shown)}</b>'
        f"<i></i><span>{percent}&nbsp;%</span><em>came next</em></div>"
    )


def states(figures: dict) -> dict:
    """For each position what is expected, and for each head where it looks."""
    line, positions = figures["line"], range(len(figures["expected"]))
    heads = [head for layer in figures["weights"] for head in layer]
    return {
        "after": [f"after “{line[: t + 1]}”" for t in positions],
        "guesses": [guesses(figures, t) for t in positions],
        "says": [say(figures, t) for t in positions],
        "heads": [
            {"shares": head, "looks": [look(line, shares) for shares in head]}
            for head in heads
        ],
    }


def guesses(figures: dict, t: int) -> list[tuple[str, int, str]]:
    """A row for each letter expected, and one for what came if it is none of them."""
    truth, likely = figures["line"][t + 1], figures["expected"][t]
    rows = [
        (short(each), int(percent), "came" if each == truth else "other")
        for each, percent in zip(likely, figures["percents"][t].split(), strict=True)
    ]
    came = (short(truth), int(figures["came"].split()[t]), "came")
    return [*rows, ("", 0, "none") if truth in likely else came]


def short(each: str) -> str:
    """A letter as a bar is labeled."""
    return {" ": "space", "\n": "end"}.get(each, each)


def name(each: str) -> str:
    """A letter as a sentence names it."""
    return {" ": "a space", "\n": "the line’s end"}.get(each, f"“{each}”")


def say(figures: dict, t: int) -> str:
    """What is likeliest, and what came."""
    line, first = figures["line"], figures["expected"][t][0]
    percent, came = figures["percents"][t].split()[0], figures["came"].split()[t]
    text = (
        f"After “{line[: t + 1]}” the model predicts {name(first)} ({percent}\u00a0%)."
    )
    if first == line[t + 1]:
        return f"{text} That is what came."
    came = "under 1" if came == "0" else came
    return f"{text} What came is {name(line[t + 1])} ({came}\u00a0%)."


def look(line: str, shares: str) -> str:
    """The three letters that a head looks at most."""
    percents = [int(share) for share in shares.split()]
    here = len(percents) - 1
    order = sorted(range(here + 1), key=lambda i: -percents[i])[:3]
    parts = [
        f"{'itself' if i == here else name(line[i])} ({percents[i]}\u00a0%)"
        for i in order
        if percents[i]
    ]
    return f"At {name(line[here])}, the head looks at {', '.join(parts)}."


class ChapterPath(SphinxDirective):
    """Every chapter: the question it answers, how long it takes, what runs."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """A list with an entry for each line `NN_name: question? what it does`."""
        root, listed = Path(self.env.srcdir), bullets(self.content)
        note_sources(self.env)
        found = [path.stem for path in chapters(root)]
        if list(listed) != found:
            raise self.error(f"expected a line for each of {', '.join(found)}")
        path = nodes.bullet_list(classes=["chapter-path"])
        for stem, said in listed.items():
            question, mark, does = said.partition("? ")
            if not mark:
                raise self.error(f"expected a question for {stem}, and what it does")
            facts = header(root / "chapters" / f"{stem}.ipynb")
            path += entry(stem, facts, f"{question}?", does)
        return [path]


def bullets(lines) -> dict[str, str]:
    """What the lines of the directive say of each chapter."""
    return dict(line.split(": ", 1) for line in lines if line.strip())


def entry(
    stem: str, facts: dict[str, str], question: str, does: str
) -> nodes.list_item:
    """One chapter: its name, its question, its times, and what runs."""
    link = addnodes.pending_xref(
        "",
        nodes.inline("", ""),
        refdomain="std",
        reftype="doc",
        reftarget=f"/chapters/{stem}",
        refexplicit=False,
        refwarn=True,
    )
    number = nodes.inline("", str(int(stem[:2]) or ""), classes=["number"])
    title = nodes.paragraph("", "", number, nodes.Text(" "), link)
    title["classes"].append("chapter-title")
    times = (
        f"{facts['Minutes to read']} minutes to read · "
        f"{facts['Seconds to run'].split()[0]} seconds to run · {does}"
    )
    text = nodes.paragraph("", question)
    return nodes.list_item(
        "", title, text, nodes.paragraph("", times, classes=["chapter-times"])
    )


def header(path: Path) -> dict[str, str]:
    """What the first cell of a chapter says of it, by its bold words."""
    first = read_notebook(path).cells[0].source
    return dict(HEADER.findall(first))


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_directive("prediction", Prediction)
    app.add_directive("chapter-path", ChapterPath)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
