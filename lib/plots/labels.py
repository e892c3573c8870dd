"""Labels: tokens as they can stand in a picture."""


def visible(token: str) -> str:
    """A token made visible: a space becomes a middle dot, a line break an arrow."""
    return token.replace(" ", "·").replace("\n", "↵")
