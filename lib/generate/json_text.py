"""JSON of a given form, as a regular expression: flat objects, written in one way.

The keys come in order, with the separators that `json.dumps` writes. So there is one
text for each object, up to how a character is escaped and a number written.
"""

import json
from collections.abc import Mapping, Sequence

from lib.generate.expressions import (
    DIGIT,
    Expression,
    between,
    either,
    literal,
    one_of,
    repeat,
    then,
)

Field = type | Sequence[str | int | float | bool | None]
DIGITS = 15  # of a whole number at most: as many as a float keeps

# A character of a string, in UTF-8. Quotes and backslashes are escaped, and control
# characters do not occur. (The Unicode Standard 17.0, table 3-7, has the ranges.)
TAIL = between(0x80, 0xBF)
CHARACTER = either(
    either(between(0x20, 0x21), between(0x23, 0x5B), between(0x5D, 0x7F)),
    then(literal("\\"), one_of('"\\/bfnrt')),
    then(between(0xC2, 0xDF), TAIL),
    then(between(0xE0, 0xE0), between(0xA0, 0xBF), TAIL),
    then(either(between(0xE1, 0xEC), between(0xEE, 0xEF)), TAIL, TAIL),
    then(between(0xED, 0xED), between(0x80, 0x9F), TAIL),
    then(between(0xF0, 0xF0), between(0x90, 0xBF), TAIL, TAIL),
    then(between(0xF1, 0xF3), TAIL, TAIL, TAIL),
    then(between(0xF4, 0xF4), between(0x80, 0x8F), TAIL, TAIL),
)
SIGN = repeat(literal("-"), 0, 1)
WHOLE = then(
    SIGN,
    either(literal("0"), then(one_of("123456789"), repeat(DIGIT, 0, DIGITS - 1))),
)
DECIMAL = then(WHOLE, repeat(then(literal("."), repeat(DIGIT, 1, DIGITS)), 0, 1))
TRUTH = either(literal("true"), literal("false"))


def json_object(
    fields: Mapping[str, Field], characters: int | None = None
) -> Expression:
    """The objects that have these fields, in this order, and no others.

    A field is `str` (of up to so many `characters`; None: any number), `int`, `float`
    or `bool`, or a list of the values that it may have. Raises ValueError for another
    one, for an empty list, and for a name that is no string.

    >>> json_object({"title": str, "stars": [1, 2, 3, 4, 5], "seen": bool})
    """
    pairs = [_pair(name, field, characters) for name, field in fields.items()]
    commas = [part for pair in pairs for part in (literal(", "), pair)][1:]
    return then(literal("{"), *commas, literal("}"))


def json_string(characters: int | None = None) -> Expression:
    """Strings of up to so many characters; None stands for any number.

    Raises ValueError when `characters` is below 0.
    """
    if characters is not None and characters < 0:
        raise ValueError(f"characters must be 0 or above, got {characters}")
    return then(literal('"'), repeat(CHARACTER, 0, characters), literal('"'))


def _pair(name: object, field: Field, characters: int | None) -> Expression:
    if not isinstance(name, str):
        raise ValueError(f"names of fields must be strings, got {name!r}")
    return then(literal(json.dumps(name) + ": "), _value(name, field, characters))


def _value(name: str, field: Field, characters: int | None) -> Expression:
    kinds = {str: json_string(characters), int: WHOLE, float: DECIMAL, bool: TRUTH}
    if isinstance(field, type) and field in kinds:
        return kinds[field]
    if isinstance(field, type | str) or not isinstance(field, Sequence) or not field:
        raise ValueError(
            f"a field must be str, int, float, bool or a list of values, got {field!r} "
            f"for {name!r}"
        )
    return either(*(literal(json.dumps(value, allow_nan=False)) for value in field))
