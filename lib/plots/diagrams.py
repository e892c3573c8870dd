"""Diagrams: boxes named as in the library, shapes on the arrows, the page's color."""

import html
import math
from collections.abc import Sequence

from IPython.display import HTML

Box = tuple[str, int, int, int]  # text, left, top, width
Arrow = tuple[int, int, int, int, str]  # from x, y to x, y, and the shape beside it
HEIGHT = 30


def multi_head_attention() -> HTML:
    """`MultiHeadAttention` with eight heads as a picture, the heads side by side."""
    boxes = [
        ("x", 160, 30, 70),
        ("to_query", 30, 102, 100),
        ("to_key", 145, 102, 100),
        ("to_value", 260, 102, 100),
        ("split_heads", 30, 168, 330),
        ("side by side", 30, 510, 330),
        ("to_output", 110, 574, 170),
    ]
    arrows = [
        (195, 4, 195, 30, "batch, time, width"),
        (175, 60, 80, 102, ""),
        (195, 60, 195, 102, ""),
        (215, 60, 310, 102, ""),
        *[(left, 132, left, 168, "") for left in (80, 195, 310)],
        (195, 540, 195, 574, "batch, time, width"),
        (195, 604, 195, 636, "batch, time, width"),
    ]
    frames = ""
    for name, left in (("head 0", 8), ("head 1", 132), ("head 7", 268)):
        middle = left + 57
        tops = (264, 318, 372, 426)
        texts = ("q kᵀ / √dim", "mask", "softmax", "weights @ v")
        boxes += [
            (text, left + 7, top, 100) for text, top in zip(texts, tops, strict=True)
        ]
        arrows += [(middle, 198, middle, 264, "")]
        arrows += [(middle, top + 30, middle, top + 54, "") for top in tops[:-1]]
        arrows += [(middle, 456, middle, 510, "")]
        frames += _frame(name, left, 238, 114, 230)
    labels = [
        ("q, k, v: batch,", 127, 214),
        ("head, time, dim", 127, 228),
        ("batch, head,", 127, 484),
        ("time, dim", 127, 498),
        ("…", 257, 357),
    ]
    frames += "".join(
        f'<text x="{x}" y="{y}" font-size="11" text-anchor="middle">{text}</text>'
        for text, x, y in labels
    )
    label = (
        "Diagram: x goes through to_query, to_key and to_value; split_heads cuts the "
        "results. In each head, side by side and by itself, queries and keys make "
        "scores, mask and softmax make weights, and the weights mix the values. What "
        "the heads found is laid side by side, and to_output mixes it."
    )
    return picture(boxes, arrows, (390, 640), label, frames)


def turning() -> HTML:
    """Rotary positions: one pair of a query and of a key, at two places of a text."""
    parts = []
    for (m, n), x in (((3, 1), 90), ((6, 4), 270)):
        parts.append(
            f'<circle cx="{x}" cy="98" r="72" fill="none" stroke="currentColor" '
            f'stroke-dasharray="1 4"/><text x="{x}" y="206" text-anchor="middle">'
            f"query at {m}, key at {n}</text>"
        )
        for name, angle in (("q", 0.6 * m), ("k", 0.6 * n + 0.4)):
            across = math.cos(angle)
            up = math.sin(angle)
            parts += [
                _arrow(x, 98, round(x + 72 * across), round(98 - 72 * up), ""),
                f'<text x="{x + 84 * across:.0f}" y="{102 - 84 * up:.0f}" '
                f'text-anchor="middle" font-style="italic">{name}</text>',
            ]
    label = (
        "Diagram: two circles, each with an arrow for a query and one for a key. The "
        "second is the first, three positions further on: both arrows have turned by "
        "the same angle, and the angle between them is the same."
    )
    return picture([], [], (360, 216), label, "".join(parts))


def block() -> HTML:
    """`lib.model.block.Block` of two `PreNorm` steps, read from top to bottom."""
    steps = (
        ("attention", "MultiHeadAttention", 64),
        ("feed_forward", "SwiGLU", 236),
    )
    boxes = [("x", 15, 4, 60)]
    arrows = []
    more = ""
    for name, part, top in steps:
        boxes += [
            ("norm", 150, top + 24, 170),
            (part, 150, top + 92, 170),
        ]
        arrows += [
            (45, top + 39, 150, top + 39, ""),
            (235, top + 54, 235, top + 92, "batch, time, width"),
            (150, top + 107, 55, top + 107, ""),
        ]
        more += _frame(f"{name}: PreNorm", 100, top, 245, 132)
        more += _plus(45, top + 107)
    arrows += [
        (45, 34, 45, 161, ""),
        (45, 181, 45, 333, ""),
        (45, 353, 45, 424, "batch, time, width"),
    ]
    label = (
        "Diagram: the stream x runs straight down on the left. Twice it is read by "
        "norm and a part on the right, and what the part found is added: first "
        "attention, then feed-forward. Every shape is batch, time, width."
    )
    return picture(boxes, arrows, (360, 428), label, more)


def gpt() -> HTML:
    """`lib.model.gpt.GPT` from token ids to logits, read from top to bottom."""
    names = ["embed", "blocks[0]", "blocks[1]", "norm", "unembed"]
    boxes = [(name, 60, 44 + 68 * i, 150) for i, name in enumerate(names)]
    shapes = [
        "ids: batch, time",
        "batch, time, width",
        "batch, time, width",
        "... more blocks, batch, time, width",
        "batch, time, width",
        "logits: batch, time, vocab",
    ]
    arrows = [
        (135, 6 + 68 * i, 135, 44 + 68 * i, shape) for i, shape in enumerate(shapes)
    ]
    label = (
        "Diagram: ids go through embed, one block after another, norm and unembed; "
        "between the parts flows the stream of shape batch, time, width; logits of "
        "shape batch, time, vocab come out."
    )
    return picture(boxes, arrows, (360, 390), label)


def key_value_cache() -> HTML:
    """What a new token computes for itself, and what it finds in the cache."""
    tokens = ["t", "h", "e", "·", "b", "a"]
    left = [84 + 44 * i for i in range(len(tokens))]
    middle = [x + 18 for x in left]
    last = len(tokens) - 1
    parts = [_text(x, 20, token) for x, token in zip(middle, tokens, strict=True)] + [
        _text(36, y, name) for y, name in ((20, "token"), (60, "query"))
    ]
    parts += [_cell("q", left[last], 40, new=True)]
    parts += [
        f'<path d="M{middle[last]} 70L{x} 112" stroke="currentColor" opacity=".5"/>'
        for x in middle
    ]
    for name, top in (("key", 112), ("value", 156)):
        parts += [_text(36, top + 20, f"{name}s")]
        parts += [_cell(name[0], x, top, new=x == left[last]) for x in left]
    parts += [
        f'<path d="M{left[0]} 194v6H{left[last] - 8}v-6" fill="none" '
        'stroke="currentColor"/>',
        _text((left[0] + left[last] - 8) // 2, 218, "kept in the cache"),
        _text(middle[last], 218, "new"),
    ]
    label = (
        "Diagram: six tokens, of which the last is new. Five keys and five values are "
        "kept in the cache. The new token adds a query, a key and a value; lines lead "
        "from its query to all six keys."
    )
    return picture([], [], (360, 228), label, "".join(parts))


def picture(
    boxes: Sequence[Box],
    arrows: Sequence[Arrow],
    size: tuple[int, int],
    label: str,
    more: str = "",
) -> HTML:
    """An SVG of boxes and arrows in `currentColor`; `label` is its alt text.

    `more` is SVG that is drawn beneath them. Raises ValueError for an arrow that ends
    where it begins.
    """
    width, height = size
    parts = [_arrow(*arrow) for arrow in arrows] + [_box(*box) for box in boxes]
    return HTML(
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(label)}" '
        f'style="display:block;width:100%;max-width:{1.15 * width:.0f}px" '
        'font-family="sans-serif" font-size="13" fill="currentColor">'
        + more
        + "".join(parts)
        + "</svg>"
    )


def _box(text: str, left: int, top: int, width: int) -> str:
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{HEIGHT}" rx="4" '
        f'fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<text x="{left + width / 2}" y="{top + 20}" text-anchor="middle">'
        f"{html.escape(text)}</text>"
    )


def _arrow(x1: int, y1: int, x2: int, y2: int, shape: str) -> str:
    length = math.hypot(x2 - x1, y2 - y1)
    if not length:
        raise ValueError(f"an arrow must lead somewhere, one stays at {x1, y1}")
    dx = (x2 - x1) / length
    dy = (y2 - y1) / length
    head = (
        f"M{x2} {y2}L{x2 - 7 * dx - 4 * dy:.1f} {y2 - 7 * dy + 4 * dx:.1f}"
        f"L{x2 - 7 * dx + 4 * dy:.1f} {y2 - 7 * dy - 4 * dx:.1f}Z"
    )
    x = (x1 + x2) / 2 + 7
    y = (y1 + y2) / 2 + 4
    label = "".join(
        f'<text x="{x}" y="{y + 14 * number}" font-size="11">{html.escape(line)}</text>'
        for number, line in enumerate(shape.splitlines())
    )
    stroke = f'<path d="M{x1} {y1}L{x2} {y2}" stroke="currentColor"/>'
    return f'{stroke}<path d="{head}"/>{label}'


def _text(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle">{html.escape(text)}</text>'


def _cell(text: str, left: int, top: int, *, new: bool) -> str:
    """A small box: tinted where it is kept, with a heavy frame where it is new."""
    return (
        f'<rect x="{left}" y="{top}" width="36" height="{HEIGHT}" rx="4" '
        f'fill="currentColor" fill-opacity="{0 if new else 0.15}" '
        f'stroke="currentColor" stroke-width="{2.5 if new else 1}"/>'
        + _text(left + 18, top + 20, text)
    )


def _frame(text: str, left: int, top: int, width: int, height: int) -> str:
    """A dashed frame around boxes that belong together, with its name inside."""
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8" '
        f'fill="none" stroke="currentColor" stroke-dasharray="4 4"/>'
        f'<text x="{left + 10}" y="{top + 16}" font-size="11">'
        f"{html.escape(text)}</text>"
    )


def _plus(x: int, y: int) -> str:
    """A circled plus: here something is added to the stream."""
    return (
        f'<circle cx="{x}" cy="{y}" r="10" fill="none" stroke="currentColor" '
        f'stroke-width="1.5"/><path d="M{x - 6} {y}h12M{x} {y - 6}v12" '
        f'stroke="currentColor" stroke-width="1.5"/>'
    )
