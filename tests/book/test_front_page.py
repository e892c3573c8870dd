"""The front page: its picture is what is stored, its list what the chapters say."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from docutils import nodes
from docutils.parsers.rst import DirectiveError
from sphinx import addnodes

from benchmarks import front_page as benchmark
from lib.hub import pretrained
from tools import front_page, measured_pages

ROOT = Path(__file__).parents[2]
STORED = json.loads((ROOT / "benchmarks/results/front_page.json").read_text())
FIGURES = STORED["figures"]
INDEX = (ROOT / "index.md").read_text()
TRAINS = re.search(r"```\{chapter-path\}\n(.+?)\n```", INDEX, re.DOTALL)[1].splitlines()
CHAPTERS = sorted(ROOT.glob("chapters/*.ipynb"))
SCRIPTS = 2  # of the template: one draws, one brings the model
SMALL = {  # a line of three letters, one layer, two heads
    "line": "a b\n",
    "expected": [" a", "ab", "\nb"],
    "percents": ["70 9", "60 30", "88 1"],
    "came": "70 30 0",
    "weights": [[["100", "25 75", "0 1 99"], ["100", "50 50", "10 80 10"]]],
}


@pytest.fixture
def tool():
    return front_page


def chapter_path(tool, lines):
    """The list as the directive makes it."""
    made = object.__new__(tool.ChapterPath)
    env = SimpleNamespace(srcdir=ROOT, note_dependency=lambda path: None)
    settings = SimpleNamespace(env=env)
    made.state = SimpleNamespace(document=SimpleNamespace(settings=settings))
    made.content, made.lineno = lines, 1
    return made.run()[0]


def test_every_state_is_what_is_stored(tool):
    states = tool.states(FIGURES)
    text = FIGURES["line"]
    for t, rows in enumerate(states["guesses"]):
        *five, last = rows
        assert [percent for _, percent, _ in five] == [
            int(percent) for percent in FIGURES["percents"][t].split()
        ]
        shown = [{"space": " ", "end": "\n"}.get(name, name) for name, _, _ in five]
        assert "".join(shown) == FIGURES["expected"][t]
        (marked,) = (row for row in rows if row[2] == "came")
        assert {"space": " ", "end": "\n"}.get(marked[0], marked[0]) == text[t + 1]
        assert marked[1] == int(FIGURES["came"].split()[t])
        assert (last[2] == "none") == (text[t + 1] in FIGURES["expected"][t])
    heads = [head["shares"] for head in states["heads"]]
    assert heads == [head for layer in FIGURES["weights"] for head in layer]


def test_sentences_say_what_the_picture_shows(tool):
    states = tool.states(SMALL)
    said = [sentence.replace("\u00a0", " ") for sentence in states["says"]]
    assert said == [
        "After “a” the model predicts a space (70 %). That is what came.",
        "After “a ” the model predicts “a” (60 %). What came is “b” (30 %).",
        "After “a b” the model predicts the line’s end (88 %). That is what came.",
    ]
    looks = [look.replace("\u00a0", " ") for look in states["heads"][0]["looks"]]
    assert looks[1:] == [
        "At a space, the head looks at itself (75 %), “a” (25 %).",
        "At “b”, the head looks at itself (99 %), a space (1 %).",
    ]
    surprise = tool.states(SMALL | {"expected": [" a", "ab", "ab"]})
    assert surprise["guesses"][2][-1] == ("end", 0, "came")
    assert surprise["says"][2].endswith("What came is the line’s end (under 1\u00a0%).")


def test_the_first_state_stands_in_the_page(tool):
    """For readers without JavaScript; with it, the script finds the same."""
    page, states = tool.picture(FIGURES), tool.states(FIGURES)
    assert not re.search("__[A-Z]+__", page) and page.count("</script>") == SCRIPTS
    chosen = states["heads"][tool.LAYER * len(FIGURES["weights"][0]) + tool.HEAD]
    for sentence in (states["says"][tool.START], chosen["looks"][tool.START]):
        assert f"<p>{sentence}</p>" in page
    shades = re.findall(r'<span class="(\w+)" style="--share: ([\d.]+)%;">', page)
    assert len(shades) == len(FIGURES["line"])
    shares = [int(share) for share in chosen["shares"][tool.START].split()]
    later = [0] * (len(shades) - len(shares))
    assert [2 * float(shade) for _, shade in shades] == shares + later
    kinds = [kind for kind, _ in shades]
    assert kinds.index("now") == tool.START == kinds.index("next") - 1
    assert f">layer {tool.LAYER}, head {tool.HEAD}</option>" in page
    assert (
        f'head.value = "{tool.LAYER * len(FIGURES["weights"][0]) + tool.HEAD}";' in page
    )
    data = json.loads(re.search(r"stored = (\{.*\});", page)[1])
    assert data == json.loads(json.dumps(states))


def test_no_text_can_end_the_script_or_open_a_tag(tool, monkeypatch):
    monkeypatch.setattr(tool, "START", 1)
    monkeypatch.setattr(tool, "LAYER", 0)
    monkeypatch.setattr(tool, "HEAD", 1)
    line = "a</script><b>\n"
    wide = {
        "line": line,
        "expected": ["<&"] * (len(line) - 1),
        "percents": ["60 30"] * (len(line) - 1),
        "came": " ".join("0" * (len(line) - 1)),
        "weights": [[[" ".join("1" * t) for t in range(1, len(line))]] * 2],
    }
    page = tool.picture(wide)
    assert page.count("</script>") == SCRIPTS
    assert "<b>&lt;</b>" in page and "<b><" not in page


def test_the_model_is_named_from_the_stored_figures(tool):
    text = tool.caption(FIGURES | {"parameters": 1234567}).astext()
    assert "A GPT of 1,234,567 parameters" in text
    for name in ("processor_seconds", "plays_learned_from", "play"):
        assert f" {FIGURES[name]}" in text
    assert f"{FIGURES['characters_learned_from']:,} characters" in text


def test_the_stored_model_says_what_is_stored():
    """The picture and the model that a reader wakes are of one training."""
    model, tokenizer, card = pretrained.load_gpt(front_page.MODEL)
    ids = torch.tensor(tokenizer.encode(FIGURES["line"]))
    found = benchmark.read(model, ids, tokenizer.tokens)
    for stored, now in (
        (FIGURES["came"], found["came"]),
        *zip(FIGURES["percents"], found["percents"], strict=True),
        *zip(*weights(FIGURES, found), strict=True),
    ):
        pairs = zip(map(int, stored.split()), map(int, now.split()), strict=True)
        assert all(abs(a - b) <= 1 for a, b in pairs)
    assert card["processor_seconds"] == FIGURES["processor_seconds"]
    size = (pretrained.FOLDER / f"{front_page.MODEL}.safetensors").stat().st_size
    assert size < 600_000 and front_page.MODEL == benchmark.NAME


def weights(*figures):
    """Every row of every head, in one list for each."""
    return [
        [row for layer in each["weights"] for head in layer for row in head]
        for each in figures
    ]


def test_the_page_says_how_much_is_loaded(tool):
    assert "a model of 0.6 MB is loaded" in tool.picture(FIGURES)


def test_the_path_says_what_the_headers_say(tool):
    entries = list(chapter_path(tool, TRAINS).findall(nodes.list_item))
    assert len(entries) == len(CHAPTERS) == len(TRAINS)
    for path, entry, line in zip(CHAPTERS, entries, TRAINS, strict=True):
        title, question, times = entry.children
        first = nbformat.read(path, as_version=4).cells[0].source
        assert title.astext().strip() == str(int(path.name[:2]) or "")
        (link,) = title.findall(addnodes.pending_xref)
        assert link["reftarget"] == f"/chapters/{path.stem}"
        minutes, seconds, does = times.astext().split(" · ")
        assert f"**Minutes to read:** {minutes.split()[0]}\n" in first
        assert f"**Seconds to run:** {seconds.split()[0]} on" in first
        assert line == f"{path.stem}: {question.astext()} {does}"


def test_what_the_path_says_is_trained_is_trained():
    for path, line in zip(CHAPTERS, TRAINS, strict=True):
        assert bool(measured_pages.training_sections(path)) == ("trains" in line), path


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_a_chapter_that_is_forgotten_stops_the_build(change, tool):
    lines = TRAINS[1:] if change == "missing" else [*TRAINS, "99_none: why? nothing"]
    with pytest.raises(DirectiveError) as error:
        chapter_path(tool, lines)
    assert "a line for each of 00_start, 01_tokens" in error.value.msg


def test_the_readme_says_the_same():
    readme = (ROOT / "README.md").read_text()
    assert readme.split("\n\n")[1] == INDEX.split("\n\n")[1]
    listed = re.findall(
        r"^- (\d+) \[.+\]\(chapters/(\w+)\.ipynb\): (.+)$", readme, re.M
    )
    ours = [line.split(": ", 1) for line in TRAINS]
    assert [name for _, name, _ in listed] == [name for name, _ in ours]
    for (number, name, there), (_, here) in zip(listed, ours, strict=True):
        assert int(number) == int(name[:2])
        assert there == here.partition("? ")[0] + "?"
    planned = re.search(r"in this order: (.+?)\.\n\n", readme, re.S)[1]
    assert planned == " ".join(
        re.search(r"in this order: (.+?)\.\n\n", INDEX, re.S)[1].split()
    )
