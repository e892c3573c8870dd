"""Plays: markup gone, slips mended, and who says what."""

import pytest

from lib.data.plays import Speech, clean_play, scenes

PLAY = """# The Tiny Play

## ACT I\x20\x20

### SCENE I. A room; another
in the house.

_Enter FIRST and
others_

**First Lord**\x20\x20
_\\[Aside]_\x20\x20
Who's there?--\x20\x20
Nay,'\\--answer "me"—stand & c.

*Exit.*

Still here.

**ALL & SOME**\x20\x20
__\\[Sings]_\x20\x20
Hey!
"""
PLAIN = """ACT I

SCENE I. A room; another

in the house.

[Enter FIRST and
others]

FIRST LORD:
[Aside]
Who's there?--
Nay,'--answer 'me'--stand &c.

[Exit.]

Still here.

ALL & SOME:
[Sings]
Hey!
"""


def test_a_play_becomes_plain_text() -> None:
    assert clean_play(PLAY) == ("The Tiny Play", PLAIN)


@pytest.mark.parametrize(
    "slip, mended",
    [
        ("So,\nLord Chief-Justice Who?", "So,\n\nLORD CHIEF-JUSTICE:\nWho?"),
        ("Both  \nVarro's Servants And ours.", "VARRO'S SERVANTS:\nAnd ours."),
        ("RICHARD\n\n**PLANTAGENET**  \nTut.", "RICHARD PLANTAGENET:\nTut."),
        ("**ROSENCRANTZ: & GUILDENSTERN:**\nAy.", "ROSENCRANTZ & GUILDENSTERN:\nAy."),
        ("ALL SERVING-MEN Here, sir.", "ALL SERVING-MEN:\nHere, sir."),
        ("my sea sha$l suck", "my sea shall suck"),
    ],
)
def test_slips_of_the_package_are_mended(slip: str, mended: str) -> None:
    assert clean_play(f"# T\n\n{slip}\n") == ("T", mended + "\n")


def test_scenes_have_speeches_without_directions():
    _, play = clean_play(PLAY)
    assert scenes(play) == [
        [
            Speech(
                "FIRST LORD", "Who's there?-- Nay,'--answer 'me'--stand &c. Still here."
            ),
            Speech("ALL & SOME", "Hey!"),
        ]
    ]


def test_a_scene_ends_a_talk_and_a_prologue_may_speak():
    play = (
        "ACT I\n\nPROLOGUE\n\nPROLOGUE:\nTwo households.\n\nSCENE I. A place; more\n\n"
        "of it.\n\n[Enter]\n\nTOM:\n[Bows]\n\nHe bows.\n\nANN:\n[Exit]\n\n"
        "SCENE II. Here.\n\nANN:\nCome:\nnow.\n"
    )
    assert scenes(play) == [
        [Speech("PROLOGUE", "Two households.")],
        [Speech("TOM", "He bows.")],
        [Speech("ANN", "Come: now.")],
    ]
