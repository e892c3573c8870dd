"""Diagrams: boxes named as in the library, shapes on the arrows, the page's color."""

import html
from collections.abc import Sequence

from IPython.display import HTML

Box = tuple[str, int, int, int]  # text, left, top, width
Arrow = tuple[int, int, int, int, str]  # from x, y to x, y, and the shape beside it
HEIGHT = 30


def multi_head_attention() -> HTML:
    """`lib.attention.MultiHeadAttention` as a picture, read from top to bottom."""
    boxes = [
        ("x", 150, 36, 60),
        ("to_query", 5, 112, 100),
        ("to_key", 130, 112, 100),
        ("to_value", 255, 112, 100),
        ("q kᵀ / √dim", 40, 197, 155),
        ("mask", 40, 257, 155),
        ("softmax", 40, 317, 155),
        ("weights @ v", 95, 402, 170),
        ("to_output", 95, 477, 170),
    ]
    arrows = [
        (180, 4, 180, 36, "batch, time, width"),
        (165, 66, 55, 112, ""),
        (180, 66, 180, 112, ""),
        (195, 66, 305, 112, ""),
        (55, 142, 90, 197, ""),
        (180, 142, 150, 197, "q, k: batch,\nhead, time, dim"),
        (305, 142, 245, 402, "v: batch, head,\ntime, value"),
        (117, 227, 117, 257, "batch, head, query, key"),
        (117, 287, 117, 317, ""),
        (117, 347, 140, 402, "weights"),
        (180, 432, 180, 477, "batch, head, query, value"),
        (180, 507, 180, 540, "batch, query, width"),
    ]
    label = (
        "Diagram: x goes through to_query, to_key and to_value; queries and keys make "
        "scores, mask and softmax make weights, the weights mix the values, "
        "to_output mixes the heads."
    )
    return draw(boxes, arrows, (385, 544), label)


def draw(
    boxes: Sequence[Box], arrows: Sequence[Arrow], size: tuple[int, int], label: str
) -> HTML:
    """An SVG of boxes and arrows in `currentColor`; `label` is its alt text."""
    width, height = size
    parts = [_arrow(*arrow) for arrow in arrows] + [_box(*box) for box in boxes]
    return HTML(
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(label)}" '
        f'style="display:block;width:100%;max-width:{1.15 * width:.0f}px" '
        'font-family="sans-serif" font-size="13" fill="currentColor">'
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
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    head = (
        f"M{x2} {y2}L{x2 - 7 * dx - 4 * dy:.1f} {y2 - 7 * dy + 4 * dx:.1f}"
        f"L{x2 - 7 * dx + 4 * dy:.1f} {y2 - 7 * dy - 4 * dx:.1f}Z"
    )
    middle, x, y = "", (x1 + x2) / 2 + 7, (y1 + y2) / 2 + 4
    for number, line in enumerate(shape.splitlines()):
        words = html.escape(line)
        middle += f'<text x="{x}" y="{y + 14 * number}" font-size="11">{words}</text>'
    stroke = f'<path d="M{x1} {y1}L{x2} {y2}" stroke="currentColor"/>'
    return f'{stroke}<path d="{head}"/>{middle}'
