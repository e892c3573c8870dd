"""In context: the rule stands in the prompt, as examples, and is another each time.

No weight can hold the answer. What is to be learned is to look it up, or to work it
out, from what is shown.

Sources: Brown et al. 2020, "Language Models are Few-Shot Learners"; Garg et al. 2022,
"What Can Transformers Learn In-Context? A Case Study of Simple Function Classes".
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

from lib.instruct.tasks.made_up import made_up_words
from lib.instruct.tasks.task import USUAL, Answerer, Baseline, Drawn, Example, Task

MODULUS = 13
KEYS, VALUES = tuple("abcdefgh"), tuple("12345678")
MADE_UP = made_up_words(Random(1), 400)
LABELS, KNOWN_KEYS, NEW_KEYS = MADE_UP[:8], MADE_UP[8:200], MADE_UP[200:]
NEW_WORDS = "new words"
CATEGORIES = {  # the last four words of each are never trained
    "kin": "mother father sister brother aunt uncle son daughter cousin wife",
    "names": "john mary james peter robert michael david paul george tom",
    "nations": "french italian german russian spanish chinese japanese british "
    "american irish",
    "numbers": "two three four five six eight seven nine ten twelve",
    "times": "day week month year hour minute night morning evening afternoon",
    "vehicles": "car truck bus train plane boat ship taxi bike helicopter",
}
HELD_BACK, SHOWN_CATEGORIES = 4, 3
MOST_SHOWN = 6
Showing = Callable[[Random, int, str], Drawn]  # so many examples, of a variant


def shift(shown: int | None = None) -> Task:
    """y = x + b mod 13 with a new b in each prompt; one example settles it.

    Each prompt has `shown` examples; None means 0 to 6, drawn anew. A prompt is a
    combination of its own. Raises ValueError for a number below 0.
    """
    return _task("shift", _draw_shift, shown)


def lookup(shown: int | None = None, tables: int | None = None) -> Task:
    """Eight keys, each with a value of eight, in a table that is new in each prompt.

    Examples are drawn with replacement, so that the key asked about may be among them:
    `seen_chance` says how often. The table is the combination. With `tables` there are
    only so many, parts together, which a model may learn by heart.
    Raises ValueError for `shown` below 0 or `tables` below 1.
    """
    if tables is not None and tables < 1:
        raise ValueError(f"tables must be above 0 or None, got {tables}")
    name = "lookup" if tables is None else f"lookup_of_{tables}"
    return _task(name, partial(_draw_lookup, tables), shown, baselines=READER)


def lookup_words(shown: int | None = None) -> Task:
    """The same with made-up words as keys, eight others in each prompt.

    With `NEW_WORDS` they are words that no training prompt has.
    """
    return _task("lookup_words", _draw_words, shown, NEW_WORDS, baselines=READER)


def categories(shown: int | None = None) -> Task:
    """Three categories of words, each with a label that is drawn anew.

    The word asked about is not among those shown; others of its category may be. The
    three labels are the combination. With `NEW_WORDS` no training prompt has the words.
    """
    return _task("categories", _draw_categories, shown, NEW_WORDS)


def seen_chance(keys: int, shown: int) -> float:
    """How likely one of `keys` is among `shown` draws with replacement.

    It is 1 - (1 - 1/keys)^shown. Raises ValueError unless `keys` is above 0 and `shown`
    0 or more.
    """
    if keys < 1 or shown < 0:
        raise ValueError(
            f"keys must be above 0 and shown 0 or more, got {keys} and {shown}"
        )
    return 1 - (1 - 1 / keys) ** shown


def best_accuracy(keys: int, values: int, shown: int) -> float:
    """What the best reader gets: it looks up what it has seen, and guesses the rest.

    Raises ValueError as `seen_chance` does, and for `values` below 1.
    """
    if values < 1:
        raise ValueError(f"values must be above 0, got {values}")
    seen = seen_chance(keys, shown)
    return seen + (1 - seen) / values


def look_up(examples: Sequence[Example]) -> Answerer:
    """The value that the prompt shows with the key; if none, "1" as a guess."""
    del examples

    def answer(prompt: str) -> str:
        *shown, (asked, _) = (pair.split(" ->") for pair in prompt.split("; "))
        return {key: value.strip() for key, value in shown}.get(asked, VALUES[0])

    return answer


READER = {"look up": look_up}


def in_a_row(examples: list[tuple[str, str]], asked: str) -> str:
    """The prompt: "a -> 3; b -> 1; a ->"."""
    return "; ".join([*(f"{key} -> {value}" for key, value in examples), f"{asked} ->"])


def _task(
    name: str,
    draw: Showing,
    shown: int | None,
    *measured: str,
    baselines: Mapping[str, Baseline] | None = None,
) -> Task:
    if shown is not None and shown < 0:
        raise ValueError(f"shown must be 0 or more, or None, got {shown}")
    name = name if shown is None else f"{name}_shown_{shown}"
    return Task(
        name,
        partial(_draw, draw, shown),
        variants=(USUAL, *measured),
        baselines=baselines or {},
        repeats=True,
    )


def _draw(draw: Showing, shown: int | None, random: Random, variant: str) -> Drawn:
    if shown is None:
        shown = random.randint(0, MOST_SHOWN)
    return draw(random, shown, variant)


def _draw_shift(random: Random, shown: int, variant: str) -> Drawn:
    b, *xs = (random.randrange(MODULUS) for _ in range(shown + 2))
    *pairs, (asked, answer) = ((str(x), str((x + b) % MODULUS)) for x in xs)
    prompt = in_a_row(pairs, asked)
    return Drawn(prompt, answer, prompt)


def _draw_lookup(tables: int | None, random: Random, shown: int, variant: str) -> Drawn:
    source = random if tables is None else Random(random.randrange(tables))
    table = {key: source.choice(VALUES) for key in KEYS}
    return _looked_up(random, shown, table)


def _draw_words(random: Random, shown: int, variant: str) -> Drawn:
    known = NEW_KEYS if variant == NEW_WORDS else KNOWN_KEYS
    keys = random.sample(known, len(KEYS))
    return _looked_up(random, shown, {key: random.choice(VALUES) for key in keys})


def _looked_up(random: Random, shown: int, table: Mapping[str, str]) -> Drawn:
    keys = random.choices(list(table), k=shown)
    asked = random.choice(list(table))
    prompt = in_a_row([(key, table[key]) for key in keys], asked)
    return Drawn(prompt, table[asked], _listed(table))


def _draw_categories(random: Random, shown: int, variant: str) -> Drawn:
    labels = {
        name: random.choice(LABELS)
        for name in random.sample(list(CATEGORIES), SHOWN_CATEGORIES)
    }
    names = random.choices(list(labels), k=shown)
    asked = random.choice(list(labels))
    word = random.choice(_words(asked, variant))
    examples = []
    for name in names:
        others = [each for each in _words(name, variant) if each != word]
        examples.append((random.choice(others), labels[name]))
    return Drawn(in_a_row(examples, word), labels[asked], _listed(labels))


def _listed(table: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(table.items()))


def _words(category: str, variant: str) -> list[str]:
    words = CATEGORIES[category].split()
    return words[-HELD_BACK:] if variant == NEW_WORDS else words[:-HELD_BACK]
