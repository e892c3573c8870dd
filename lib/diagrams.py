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
        ("x", 150, 4, 60),
        ("to_query", 5, 80, 100),
        ("to_key", 130, 80, 100),
        ("to_value", 255, 80, 100),
        ("q kᵀ / √dim", 40, 165, 155),
        ("mask", 40, 225, 155),
        ("softmax", 40, 285, 155),
        ("weights @ v", 95, 370, 170),
        ("to_output", 95, 455, 170),
    ]
    arrows = [
        (165, 34, 55, 80, ""),
        (180, 34, 180, 80, "batch, time, width"),
        (195, 34, 305, 80, ""),
        (55, 110, 90, 165, "q"),
        (180, 110, 150, 165, "k"),
        (305, 110, 245, 370, "v: batch, head, key, value"),
        (117, 195, 117, 225, "batch, head, query, key"),
        (117, 255, 117, 285, ""),
        (117, 315, 140, 370, "weights"),
        (180, 400, 180, 455, "batch, head, query, value"),
        (180, 485, 180, 520, "batch, query, width"),
    ]
    label = (
        "Diagram: x goes through to_query, to_key and to_value; queries and keys make "
        "scores, mask and softmax make weights, the weights mix the values, "
        "to_output mixes the heads."
    )
    return draw(boxes, arrows, (360, 524), label)


def draw(
    boxes: Sequence[Box],
    arrows: Sequence[Arrow],
    size: tuple[int, int],
    label: str,
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
    return (
        f'<path d="M{x1} {y1}L{x2} {y2}" stroke="currentColor"/><path d="{head}"/>'
        f'<text x="{(x1 + x2) / 2 + 7}" y="{(y1 + y2) / 2 + 4}" font-size="11">'
        f"{html.escape(shape)}</text>"
    )
