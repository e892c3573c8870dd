"""Diagrams: boxes named as in the library, shapes on the arrows, the page's color."""

import html
import math
from collections.abc import Sequence

from IPython.display import HTML

Box = tuple[str, int, int, int]  # text, left, top, width
Arrow = tuple[int, int, int, int, str]  # from x, y to x, y, and the shape beside it
HEIGHT = 30


def multi_head_attention() -> HTML:
    """`MultiHeadAttention` as a picture, read from top to bottom."""
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
    return draw(boxes, arrows, (360, 428), label, more)


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
    return draw(boxes, arrows, (360, 390), label)


def training() -> HTML:
    """One step of `lib.train.train`: down from the batches, and back up on the left."""
    boxes = [
        ("batches", 125, 8, 110),
        ("model", 5, 92, 110),
        ("objective", 245, 92, 110),
        ("backward", 245, 176, 110),
        ("clip", 245, 260, 110),
        ("optimizer", 5, 260, 110),
        ("schedule", 5, 344, 110),
    ]
    arrows = [
        (150, 38, 75, 92, "ids"),
        (210, 38, 285, 92, "targets"),
        (115, 107, 245, 107, ""),
        (300, 122, 300, 176, "loss"),
        (300, 206, 300, 260, "gradient"),
        (245, 275, 115, 275, ""),
        (60, 344, 60, 290, "rate"),
        (60, 260, 60, 122, "new weights"),
    ]
    above = [("logits", 180, 100), ("clipped gradient", 180, 268)]
    label = (
        "Diagram: batches give ids to the model and targets to the objective; the "
        "model's logits become a loss, the loss a gradient; the gradient is clipped "
        "and goes to the optimizer, to which the schedule tells the rate; the "
        "optimizer gives the model new weights."
    )
    more = "".join(
        f'<text x="{x}" y="{y}" font-size="11" text-anchor="middle">{name}</text>'
        for name, x, y in above
    )
    return draw(boxes, arrows, (360, 380), label, more)


def draw(
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
