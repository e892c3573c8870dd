"""An evaluator for one line of Python: the grammar that is taught, and nothing else.

A model's code is never handed to Python. It is parsed, and we walk its tree: a node of
a kind that is not listed here is refused. There is no import, no attribute, no string,
no assignment, and no call but of the few functions below, with one argument each.
Length, depth, steps and numbers are bounded, so that a line cannot loop or fill memory.

=============  ===========================================================
allowed        for example
=============  ===========================================================
names          `xs`, and the variable of a comprehension
whole numbers  `3`
arithmetic     `x + 3`, `x - 1`, `x * x`, `x % 2`, `x // 2`, `-x`
comparisons    `x > 3`, `2 < x <= 9`, `x % 2 == 0`
comprehension  `[x for x in xs if x > 3]`, the same in a call
calls          `sum`, `max`, `min`, `len`, `sorted`, `list`, `abs` of one
=============  ===========================================================
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LONGEST, DEEPEST, STEPS, LARGEST = 300, 20, 5_000, 10**9
FUNCTIONS: dict[str, Callable] = {
    each.__name__: each for each in (sum, max, min, len, sorted, list, abs)
}
ARITHMETIC: dict[type[ast.operator], Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
}
COMPARISONS: dict[type[ast.cmpop], Callable] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Refused(ValueError):
    """The line is outside the grammar, too large, or has no value for these numbers."""


def run_line(source: str, xs: Sequence[int]) -> object:
    """The value of a line of Python over the list `xs`: a number, a truth, or a list.

    Raises `Refused`, which says why, and nothing else, whatever the line is.
    """
    if len(source) > LONGEST:
        raise Refused(f"at most {LONGEST} characters are read, got {len(source)}")
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd lines, such as "1 is 1"
            tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise Refused(f"this is no expression of Python: {source!r}") from error
    value = _Walk().value(tree.body, {"xs": list(xs)}, 0)
    if not isinstance(value, int | list):
        raise Refused(f"the value must be a number or a list, got {value!r}")
    return value


class _Walk:
    """One evaluation; it counts its steps."""

    def __init__(self):
        self.steps = 0

    def value(self, node: ast.AST, names: Mapping[str, object], depth: int) -> object:
        """The value of a node, bounded; `names` are the variables it may use."""
        self.steps += 1
        if self.steps > STEPS or depth > DEEPEST:
            raise Refused(f"more than {STEPS} steps, or deeper than {DEEPEST}")
        kind = getattr(self, f"_{type(node).__name__}", None)
        if kind is None:
            raise Refused(f"{type(node).__name__} is not in the grammar")
        try:
            return _bounded(kind(node, names, depth + 1))
        except Refused:
            raise
        except (TypeError, ValueError, ZeroDivisionError) as error:  # max of nothing
            raise Refused(str(error)) from error

    def _Name(self, node: ast.Name, names: Mapping, depth: int) -> object:
        if node.id not in names:
            raise Refused(f"the name {node.id!r} is not known")
        return names[node.id]

    def _Constant(self, node: ast.Constant, names: Mapping, depth: int) -> object:
        if type(node.value) is not int:
            raise Refused(f"a constant must be a whole number, got {node.value!r}")
        return node.value

    def _BinOp(self, node: ast.BinOp, names: Mapping, depth: int) -> object:
        left = _number(self.value(node.left, names, depth))
        right = _number(self.value(node.right, names, depth))
        return _listed(ARITHMETIC, node.op)(left, right)

    def _UnaryOp(self, node: ast.UnaryOp, names: Mapping, depth: int) -> object:
        if not isinstance(node.op, ast.USub):
            raise Refused(f"{type(node.op).__name__} is not in the grammar")
        return -_number(self.value(node.operand, names, depth))

    def _Compare(self, node: ast.Compare, names: Mapping, depth: int) -> object:
        left = _number(self.value(node.left, names, depth))
        for kind, right_node in zip(node.ops, node.comparators, strict=True):
            right = _number(self.value(right_node, names, depth))
            if not _listed(COMPARISONS, kind)(left, right):
                return False
            left = right
        return True

    def _ListComp(
        self, node: ast.ListComp | ast.GeneratorExp, names: Mapping, depth: int
    ) -> list:
        loop, *more = node.generators
        if more or loop.is_async or not isinstance(loop.target, ast.Name):
            raise Refused("a comprehension must have one loop over one variable")
        if loop.target.id in FUNCTIONS:
            raise Refused(f"{loop.target.id} is a function, and no variable")
        values = []
        for each in self._items(loop.iter, names, depth):
            inside = {**names, loop.target.id: each}
            if all(self.value(test, inside, depth) for test in loop.ifs):
                values.append(self.value(node.elt, inside, depth))
        return values

    def _GeneratorExp(
        self, node: ast.GeneratorExp, names: Mapping, depth: int
    ) -> object:
        return iter(self._ListComp(node, names, depth))  # Python, too, cannot count it

    def _Call(self, node: ast.Call, names: Mapping, depth: int) -> object:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            raise Refused(f"only {', '.join(FUNCTIONS)} may be called")
        if len(node.args) != 1 or node.keywords:
            raise Refused(f"{node.func.id} must be given one argument")
        return FUNCTIONS[node.func.id](self.value(node.args[0], names, depth))

    def _items(self, node: ast.AST, names: Mapping, depth: int) -> list:
        items: Any = self.value(node, names, depth)
        return list(items)


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise Refused(f"expected a number, got {value!r}")
    return value


def _bounded(value: object) -> object:
    if isinstance(value, int) and abs(value) > LARGEST:
        raise Refused(f"numbers must stay within {LARGEST:,}")
    return value


def _listed(operators: Mapping, kind: ast.AST) -> Callable:
    if type(kind) not in operators:
        raise Refused(f"{type(kind).__name__} is not in the grammar")
    return operators[type(kind)]
