"""A local Sphinx extension: what search engines, messengers and lost readers are told.

1. Every page gets a description, and the tags from which a link's preview is made.
2. The preview's picture is drawn from the logo.
3. `404.html` works at any depth: its links start at the site's root.

The site's address follows from the repository's (GitHub Pages), unless `_config.yml`
says `html: baseurl:`.
"""

import html
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import address
from docutils import nodes
from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

CARD, SIZE = "preview.png", (1200, 630)
CARD_TEXT = "A book with runnable chapters,\nfrom one dot product to a small GPT"
WITHOUT_TEXT = {  # pages that have no source
    "search": "Find a word in every chapter and every page of Inside GPT.",
    "genindex": "Every name in the library of Inside GPT, every term of its glossary.",
    "404": "There is no such page.",
}
LOST = """<h1>There is no such page</h1>
<p>The address may have changed, or has a slip in it.
<a href="index.html">The front page</a> lists the chapters,
and <a href="search.html">the search</a> finds words.</p>"""
RELATIVE = re.compile(
    r'(\b(?:href|src|action|data-content_root)=")(?!https?:|//|#|mailto:|data:|/)([^"]*)"'
)


def find_address(app: Sphinx, config: Config) -> None:
    """The site's address: GitHub Pages of the repository, if nothing else is said."""
    if not config.html_baseurl:
        url = config.html_theme_options["repository_url"]
        config.html_baseurl = address.site(url) + "/"


def description(document: nodes.document) -> str:
    """What a chapter enables its reader to do; of other pages the first paragraph."""
    for item in document.findall(nodes.list_item):
        if item.astext().startswith("You will be able to"):
            return shorten(item.astext())
    for paragraph in document.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            return shorten(paragraph.astext())
    return ""


def shorten(text: str, most: int = 200) -> str:
    """At most 200 characters, cut where a sentence or a word ends."""
    text = re.sub(r"\s+", " ", text)
    if len(text) <= most:
        return text
    sentence = text[:most].rpartition(". ")[0]
    return f"{sentence}." if sentence else text[: most - 1].rpartition(" ")[0] + "…"


def describe(
    app: Sphinx,
    page: str,
    template: str,
    context: dict,
    document: nodes.document | None,
) -> None:
    """Add the tags to a page's head."""
    book, site = app.config.html_title, app.config.html_baseurl
    about = description(document) if document else WITHOUT_TEXT.get(page, "")
    title = re.sub("<[^>]+>", "", context.get("title", ""))
    properties = {
        "og:title": book if page == "index" else f"{html.unescape(title)} · {book}",
        "og:description": about,
        "og:type": "website" if page == "index" else "article",
        "og:url": f"{site}{page}.html",
        "og:site_name": book,
        "og:image": f"{site}_static/{CARD}",
        "og:image:width": str(SIZE[0]),
        "og:image:height": str(SIZE[1]),
        "og:image:alt": f"The logo of {book}: a small causal attention matrix",
    }
    tags = [f'<meta name="description" content="{html.escape(about)}">']
    tags += ['<meta name="twitter:card" content="summary_large_image">']
    tags += [
        f'<meta property="{name}" content="{html.escape(value)}">'
        for name, value in properties.items()
    ]
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def squares(logo: str) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, side and opacity of every square in the logo."""
    for attributes in re.findall(r"<rect([^>]*)/>", logo):
        value = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        opacity = float(value.get("fill-opacity", 1))
        yield float(value["x"]), float(value["y"]), float(value["width"]), opacity


def draw_card(logo: str, title: str) -> Image.Image:
    """The picture beside a link: the logo large, the title, one sentence."""
    card = Image.new("RGB", SIZE, "white")
    draw, color = ImageDraw.Draw(card, "RGBA"), re.search(r'fill="#(\w{6})"', logo)[1]
    blue = tuple(int(color[i : i + 2], 16) for i in (0, 2, 4))
    span = float(re.search(r'viewBox="0 0 (\S+) ', logo)[1])
    scale, left, top = 330 / span, 80, 150
    for x, y, side, opacity in squares(logo):
        corner = (left + x * scale, top + y * scale)
        box = (*corner, corner[0] + side * scale, corner[1] + side * scale)
        draw.rounded_rectangle(box, 12, fill=(*blue, round(255 * opacity)))
    draw.text((470, 210), title, "#1b1f24", font("DejaVuSans-Bold", 92))
    draw.multiline_text(
        (474, 345), CARD_TEXT, "#4b5563", font("DejaVuSans", 36), spacing=16
    )
    return card


def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """One of the fonts that come with matplotlib."""
    folder = Path(find_spec("matplotlib").origin).parent / "mpl-data/fonts/ttf"
    return ImageFont.truetype(folder / f"{name}.ttf", size)


def lost_page(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """The page for addresses that lead nowhere."""
    yield "404", {"title": "There is no such page", "body": LOST}, "page.html"


def from_the_root(page: str, root: str) -> str:
    """A page whose relative addresses start at `root`, wherever it is shown."""
    return RELATIVE.sub(lambda m: f'{m[1]}{root}{m[2].removeprefix("./")}"', page)


def finish(app: Sphinx, error: Exception | None) -> None:
    """After pages are written: the picture, and the links of `404.html`."""
    if error or app.builder.format != "html":
        return
    logo = Path(app.srcdir, app.config.html_static_path[0], "logo.svg").read_text()
    if not list(squares(logo)):
        raise ExtensionError("assets/logo.svg has no <rect>: mend tools/page_facts.py.")
    card = draw_card(logo, app.config.html_title)
    card.save(Path(app.outdir, "_static", CARD), optimize=True)
    path = Path(app.outdir, "404.html")
    root = urlsplit(app.config.html_baseurl).path
    path.write_text(from_the_root(path.read_text(encoding="utf-8"), root), "utf-8")


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("config-inited", find_address)
    app.connect("html-page-context", describe)
    app.connect("html-collect-pages", lost_page)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
