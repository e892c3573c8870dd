"""Words: what counts as one. Each function here answers that for one purpose.

How byte pairs cut a text before they merge anything is another question, which
`lib.tokens.bpe.split_words` answers: there the spaces are kept.
"""

import re

WORD_OR_MARK = re.compile(
    r"\d+(?:[./]\d+)*"  # a number, a fraction such as 8/10
    r"|[^\W\d_]+(?:'[^\W\d_]+)*"  # letters, with apostrophes inside
    r"|\.+|!+|\?+|-+|[^\w\s]"  # a punctuation mark; some come repeated
)


def words_and_marks(text: str) -> list[str]:
    """The words, numbers and punctuation marks of a text, in lower case."""
    check_string(text)
    return WORD_OR_MARK.findall(text.lower().replace("’", "'"))


def letter_words(text: str) -> list[str]:
    """The runs of the letters a to z and apostrophes, in lower case."""
    check_string(text)
    return re.findall("[a-z']+", text.lower())


def spoken_words(text: str) -> list[str]:
    """The words of a play, in lower case, without the lines that name a speaker.

    A word is made of the letters a to z, with apostrophes inside.
    """
    check_string(text)
    speech = re.sub(r"^[^a-z\n]+:$", "", text, flags=re.MULTILINE)
    return re.findall(r"[a-z]+(?:'[a-z]+)*", speech.lower())


def check_string(text: object, name: str = "text") -> None:
    """Raises ValueError, which calls it `name`, unless `text` is a string."""
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a string, got {type(text).__name__}")
