"""Labels: tokens, and any other text, as they can stand in a picture.

Matplotlib reads what stands between two dollar signs as a formula. Tokens and names are
no formulas, so whatever a picture writes that came from a caller goes through `plain`.
"""

import unicodedata


def visible(token: str) -> str:
    """A token made visible: a space becomes a middle dot, a line break an arrow."""
    return token.replace(" ", "·").replace("\n", "↵")


def plain(text: str) -> str:
    r"""A text that Matplotlib draws as it is, letter by letter.

    Line breaks stay line breaks; what no font can show becomes its escape, such as
    "\t". The result is for Matplotlib alone: dollar signs are escaped in it.
    """
    return "".join(map(_drawable, text)).replace("$", r"\$")


def plain_token(token: str) -> str:
    """A token that Matplotlib draws as it is, with spaces and line breaks visible."""
    return plain(visible(token))


def plain_line(text: str) -> str:
    """Like `plain`, on one line: a line break becomes an arrow, spaces stay."""
    return plain(text.replace("\n", "↵"))


def _drawable(character: str) -> str:
    """The character, or its escape where it is a control character or the like."""
    kind = unicodedata.category(character)
    if character != "\n" and (kind[0] == "C" or kind in ("Zl", "Zp")):
        return character.encode("unicode_escape").decode()
    return character
