"""Plays: from the Markdown of a package to plain text, and to who says what.

What the package has wrong is mended, as far as it was found.
"""

import re
from typing import NamedTuple

# fmt: off
SLIPS: dict[str, str] = {  # of the package: patterns, and what the plays have there
    r"\A## ACT I\n\n### SCENE I\. An apartment": "# Measure for Measure\n\n\\g<0>",
    r"^# (?=Two Gentlemen)|^# A (?=Winter)": "# The ",
    r"^# Love's Labours": "# Love's Labour's",
    r"^# Henry IV, Part I$": "# Henry IV, Part 1",
    r"^(LOVE'S LABOURS LOST|CYMBELINE|OF EPHESUS|# INTERMISSION) *$": "",
    r"^Both *\n(?=Varro's)": "",
    r"^(?=EPILOGUE *$|SCENE I+:)": "### ",
    r"^([A-Z]{4,})\n\n\*\*([A-Z ]+)\*\*": r"\n**\1 \2**",  # a name in two halves
    r"^(Lord Chief-Justice|(Varro|Isidore)'s Servants?|Master('s-Mate|-Gunner)|CASSIO:"
    r"|ANTONIO:|(\w+ )?S(erving|ERVING)-[Mm][AEae][Nn]|Senators, & C) (?=[A-Z'])":
        r"\n**\1**\n",  # a name within the text
    r"\n\n\*\*(As long as you or I)\*\*": r"\n\1",
    r"(?<=Burthen) _\\\[": " ",
    r"(?<=&)amp;|(?<=PAGE) &(?= & C)|(?<=ROSENCRANTZ):": "",
    r"sha\$l": "shall",
}
# fmt: on
DIVISION = re.compile(r"(?:ACT|SCENE|PROLOGUE|EPILOGUE|INDUCTION)\b(?!.*:$)")
SPEAKER = re.compile(r"([A-Z][^a-z]*):")
ONE_ALPHABET = str.maketrans({"—": "--", '"': "'", "\\": None})  # as most plays have it


class Speech(NamedTuple):
    """What somebody says, in one line, without stage directions."""

    speaker: str
    text: str


def clean_play(markdown: str) -> tuple[str, str]:
    """Turn a play of the package, in Markdown, into its title and its plain text.

    Long dashes become "--", double quotes single, as in most plays; `SLIPS` are mended.
    """
    for slip, mended in SLIPS.items():
        markdown = re.sub(slip, mended, markdown, flags=re.M)
    title, text = markdown.translate(ONE_ALPHABET).split("\n", 1)
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    text = re.sub(r"^#+ (.+?):?$", r"\n\1\n", text, flags=re.M)  # headings
    speaker = r"^\*\*(.+?):?\*\*$"
    text = re.sub(speaker, lambda m: f"\n{m[1].upper()}:", text, flags=re.M)
    direction = r"[_*]\[?((?:[^][_*\n]|\n(?!\n))+)\]?[_*]"  # spans no blank line
    text = re.sub(r"[_*]", "", re.sub(direction, r"[\1]", text))
    text = re.sub(r"& (?=[cC]\b)", "&", text)
    return title.removeprefix("# "), re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def scenes(play: str) -> list[list[Speech]]:
    """The speeches of a play, given as plain text, scene by scene.

    A speech that goes on after a direction is one speech; of one that is all direction
    nothing is left.
    """
    found: list[list[Speech]] = [[]]
    for block in re.sub(r"\[[^]]*\]", "", play).split("\n\n"):
        first, _, rest = block.strip().partition("\n")
        scene = found[-1]
        if DIVISION.match(first):
            found.append([])
        elif speaker := SPEAKER.fullmatch(first):
            scene.append(Speech(speaker[1], " ".join(rest.split())))
        elif scene:
            said = f"{scene[-1].text} {' '.join(block.split())}"
            scene[-1] = scene[-1]._replace(text=said.strip())
    spoken = ([each for each in scene if each.text] for scene in found)
    return [scene for scene in spoken if scene]
