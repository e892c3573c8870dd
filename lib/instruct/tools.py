"""Tools: the model writes a call, the program answers, and the model goes on.

A call is a turn of the assistant that is nothing else: `calculator(12 * (3 + 4))`. What
the tool says is a turn of its own. Nothing that a model writes is ever run: a tool gets
the text between the brackets, and the calculator walks a tree of numbers and signs.

Source: Schick et al. 2023, "Toolformer: Language Models Can Teach Themselves to Use
Tools", section 2.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from lib.instruct.chat import Chat
from lib.instruct.template import ASSISTANT, Turn

Tool = Callable[[str], str]
CALL = re.compile(r"\s*(\w+)\((.*)\)\s*", re.DOTALL)
LONGEST = 100  # characters of an expression: the result has no more digits
CALCULATED = re.compile(r"[0-9+\-*() ]*")
SIGNS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def calculator(expression: str) -> str:
    """The value of whole numbers with +, -, * and parentheses: "3 * (4 + 5)" is "27".

    Raises ValueError for an expression that is longer than `LONGEST`, has any other
    character, or is no arithmetic.
    """
    if len(expression) > LONGEST:
        raise ValueError(
            f"expression must have at most {LONGEST} characters, got {len(expression)}"
        )
    if not CALCULATED.fullmatch(expression):
        odd = CALCULATED.sub("", expression)[:1]
        raise ValueError(f"expression must be digits, + - * and ( ), got {odd!r}")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(
            f"expression must be arithmetic, got {expression!r}"
        ) from error
    return str(_value(tree.body))


CALCULATOR: Mapping[str, Tool] = MappingProxyType({"calculator": calculator})


def answer_with_tools(
    chat: Chat, tools: Mapping[str, Tool] = CALCULATOR, most: int = 4
) -> str:
    """What the model says when it may call `tools`, at most so many times.

    Each call and what the tool says become turns of the conversation. A tool that
    raises a ValueError says so in its turn, beginning with "error: ". The call that
    would be one too many is not made, and is the answer. Raises ValueError as
    `Chat.stream` and `Chat.add` do, and when `most` is below 0.
    """
    if most < 0:
        raise ValueError(f"most must be 0 or above, got {most}")
    for _ in range(most):
        said = chat.answer()
        called = answer_call(said, tools) if chat.finished else None
        if called is None:
            return said
        chat.add(Turn("tool", called))
    return chat.answer()


def answer_call(text: str, tools: Mapping[str, Tool] = CALCULATOR) -> str | None:
    """What a tool says to a call; None where the text calls none of them."""
    found = CALL.fullmatch(text)
    if found is None or found[1] not in tools:
        return None
    try:
        return tools[found[1]](found[2])
    except ValueError as error:
        return f"error: {error}"


def call(name: str, argument: object) -> Turn:
    """The turn that calls a tool, to learn from."""
    return Turn(ASSISTANT, f"{name}({argument})")


def _value(node: ast.expr) -> int:
    """The value of a tree of numbers and signs; of anything else, ValueError."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        return SIGNS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp) and type(node.op) in SIGNS:
        return SIGNS[type(node.op)](_value(node.operand))
    kind = type(getattr(node, "op", node)).__name__
    raise ValueError(f"expression must have + - * alone, got {kind}")
