"""The book as one PDF, printed by Chromium from the built site.

    python -m tools.pdf                 _build/html becomes _build/inside-gpt.pdf
    python -m tools.pdf FOLDER FILE     another site, and where to write

Each page of the site is opened, so that its formulas are set and its explorers drawn,
and its article is taken out. All of them make one document, whose links lead from page
to page of the PDF. It is printed twice: after the first time it is known on which page
each heading stands, and the second time the table of contents says so. Then the file is
packed.
"""

import base64
import html
import json
import re
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pikepdf
import yaml
from playwright.sync_api import Page
from pypdf import PdfReader

from tools.address import address, site
from tools.chromium import HOW_TO_GET_ONE, chromium, serve
from tools.library import unfolded

FONTS = {  # of matplotlib, so that the book looks the same wherever it is printed
    ("Book", 400, "normal"): "STIXGeneral",
    ("Book", 400, "italic"): "STIXGeneralItalic",
    ("Book", 700, "normal"): "STIXGeneralBol",
    ("Book", 700, "italic"): "STIXGeneralBolIta",
    ("Book Code", 400, "normal"): "DejaVuSansMono",
    ("Book Code", 700, "normal"): "DejaVuSansMono-Bold",
    ("Book Heads", 400, "normal"): "DejaVuSans",
    ("Book Heads", 700, "normal"): "DejaVuSans-Bold",
}
FACE = """@font-face {{ font-family: "{}"; font-weight: {}; font-style: {};
  src: url(data:font/ttf;base64,{}); }}
"""


@dataclass
class Part:
    """A page of the site in the table of contents."""

    page: str  # as in chapters/03_attention
    caption: str  # of the part of the book
    depth: int  # 1 for a page that stands under another
    number: int  # of a chapter, 0 for all others

    @property
    def anchor(self) -> str:
        """Where it begins; GATHER puts it before the page's own anchors, too."""
        return self.page.replace("/", "-")

    @property
    def over(self) -> str:
        """What stands over its title."""
        return f"Chapter {self.number}" if self.number else self.caption


@dataclass
class Article:
    """What a page says, as it stands in the book."""

    part: Part
    body: str
    heads: list[tuple[int, str, str]]  # level, anchor, text


def parts(contents: dict) -> list[Part]:
    """The pages after the front page, in the order of the table of contents."""
    found = []

    def walk(entries: list[dict], caption: str, depth: int) -> None:
        for entry in entries:
            numbered = re.match(r"chapters/(\d\d)_", entry["file"])
            chapter = int(numbered[1]) if numbered else 0
            found.append(Part(entry["file"], caption, depth, chapter))
            walk(entry.get("sections", []), caption, depth + 1)

    for part in contents["parts"]:
        walk(part["chapters"], part["caption"], 0)
    return found


def gather(page: Page, root: str, book: list[Part], public: str) -> list[Article]:
    """Open every page and take out its article; all style sheets stay in `page`."""
    anchors = {part.page: part.anchor for part in book} | {"index": "title"}
    articles = []
    rules = {}
    for part in book:
        page.goto(f"{root}{part.page}.html", wait_until="load")
        told = [part.anchor, part.depth, anchors, public]
        found = page.evaluate(GATHER, told)
        rules |= dict.fromkeys(found["rules"])
        articles.append(Article(part, found["body"], found["heads"]))
    page.evaluate("rules => { window.bookRules = rules; }", list(rules))
    return articles


def contents(articles: list[Article], pages: dict[str, int]) -> str:
    """The table of contents: parts, pages, and the sections of chapters."""
    rows = []
    caption = ""
    for article in articles:
        if article.part.caption != caption:
            caption = article.part.caption
            rows.append(f'<p class="caption">{caption}</p>')
        for level, anchor, text in article.heads:
            depth = level - 1
            if depth == article.part.depth or (article.part.number and depth == 1):
                number = article.part.number if depth == 0 else 0
                rows.append(row(depth, anchor, text, number, pages.get(anchor, 0)))
    head = '<nav class="list" data-over="Inside GPT"><h1 id="list">Contents</h1>'
    return "\n".join([head, *rows, "</nav>"])


def row(depth: int, anchor: str, text: str, number: int, page: int) -> str:
    """A line of the table of contents."""
    said = f"<b>{number}</b> {html.escape(text)}" if number else html.escape(text)
    return (
        f'<a class="depth-{depth}" href="#{anchor}"><span>{said}</span>'
        f'<span class="page">{page or "000"}</span></a>'
    )


def title_page(config: dict, root: Path, public: str) -> str:
    """Logo, title, what the book is, who made it, and where it lives."""
    logo = (root / config["logo"]).read_text(encoding="utf-8")
    readme = (root / "README.md").read_text("utf-8")
    about = group(r"(?s)^# .+?\n\n(.+?)\n\n", readme)
    project = (root / "pyproject.toml").read_text("utf-8")
    version = group(r'(?m)^version = "(.+)"', project)
    return f"""<section class="title" id="title">{logo}
<p class="book">{config["title"]}</p><p class="about">{html.escape(about)}</p>
<p>{config["author"]}</p><p>Version {version}, <a href="{public}">{public}</a></p>
<p class="rights">{config["copyright"]}</p></section>"""


def group(pattern: str, text: str) -> str:
    """What the group of a pattern is in a text, which must have it."""
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"no {pattern!r} in the text that begins {text[:40]!r}")
    return match[1]


def fonts() -> str:
    """The fonts as a style sheet that needs no file."""
    files = distribution("matplotlib")
    folder = Path(str(files.locate_file("matplotlib/mpl-data/fonts/ttf")))
    faces = []
    for face, name in FONTS.items():
        data = base64.b64encode((folder / f"{name}.ttf").read_bytes()).decode()
        faces.append(FACE.format(*face, data))
    return "".join(faces)


def running_heads(articles: list[Article]) -> str:
    """A kind of sheet for each page of the site, with its title at the top."""
    rules = []
    for number, article in enumerate(articles):
        said = json.dumps(article.heads[0][2], ensure_ascii=False)
        rules.append(f"#{article.part.anchor} {{ page: part-{number}; }}")
        rules.append(f"@page part-{number} {{ @top-right {{ content: {said}; }} }}")
    return "\n".join(rules)


def document(articles: list[Article], front: str, pages: dict[str, int]) -> str:
    """The body of the whole book."""
    sections = "\n".join(
        f'<section class="part depth-{a.part.depth}" id="{a.part.anchor}" '
        f'data-over="{a.part.over}">{a.body}</section>'
        for a in articles
    )
    return f"{front}{contents(articles, pages)}{sections}"


def dead_links(body: str) -> list[str]:
    """Anchors that a link asks for and nothing has."""
    there = set(re.findall(r'\bid="([^"]+)"', body))
    return sorted(set(re.findall(r'href="#([^"]+)"', body)) - there)


def pages_of(path: Path) -> dict[str, int]:
    """On which page each anchor stands that something links to."""
    reader = PdfReader(path)
    pages = {}
    for name, place in reader.named_destinations.items():
        number = reader.get_destination_page_number(place)
        if number is None:
            raise ValueError(f"{name} stands on no page of {path}")
        pages[name.lstrip("/")] = number + 1
    return pages


def print_book(page: Page, articles: list[Article], front: str, path: Path) -> None:
    """Print, look where headings stand, and print again with the numbers."""
    style = fonts() + Path(__file__).with_suffix(".css").read_text("utf-8")
    page.evaluate(COMPOSE, [style + running_heads(articles)])
    known = {}
    for _ in range(2):
        body = document(articles, front, known)
        if dead := dead_links(body):
            sys.exit(f"Links of the book lead nowhere: {', '.join(dead)}")
        page.evaluate(FILL, body)
        page.pdf(path=path, prefer_css_page_size=True, print_background=True,
                 outline=True, tagged=True)  # fmt: skip
        before = known
        known = pages_of(path)
    if before != known:
        sys.exit("The page numbers moved when they were filled in.")
    pack(path)


def pack(path: Path) -> None:
    """Write the PDF again in half the room: Chromium packs no objects together."""
    with pikepdf.open(path, allow_overwriting_input=True) as book:
        book.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def make(root: Path, folder: Path, path: Path) -> None:
    """Write the PDF of the book at `root`, whose site is in `folder`."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    listed = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    book = parts(unfolded(listed, root))
    public = site(address(root)) + "/"
    asked = []
    with chromium() as browser, serve(folder) as own:
        if browser is None:
            sys.exit(HOW_TO_GET_ONE)
        page = browser.new_page(color_scheme="light", reduced_motion="reduce")
        page.on("request", lambda request: asked.append(request.url))
        articles = gather(page, own, book, public)
        print_book(page, articles, title_page(config, root, public), path)
    if others := [u for u in asked if not u.startswith((own, "data:", "blob:"))]:
        sys.exit(f"The book asked other hosts: {', '.join(others)}")


# Waits until a page is whole, and takes out its article: anchors get the page's name in
# front, links to other pages become links to such anchors, all others become whole.
GATHER = r"""async ([own, depth, anchors, site]) => {
  const each = (selector, what) => document.querySelectorAll(selector).forEach(what);
  each("img[loading]", (e) => { e.loading = "eager"; });
  each(".bd-article details", (e) => { e.open = true; });
  await window.MathJax?.startup?.promise;
  await Promise.all([...document.images].map((e) => e.decode()));
  await new Promise((done) => setTimeout(done, 50));
  const article = document.querySelector("article.bd-article");
  const all = (selector) => [...article.querySelectorAll(selector)];
  all("script, button, .headerlink").forEach((e) => e.remove());
  all("mjx-assistive-mml").forEach((e) => e.remove());
  all("svg").forEach((e) => e.setAttribute("role", "img"));
  for (const e of all("[id]")) e.id = `${own}--${e.id}`;
  for (const e of all("svg *"))
    for (const { name, value } of [...e.attributes])
      e.setAttribute(name, value.replace("url(#", `url(#${own}--`));
  for (const e of all("a[href]")) {
    const url = new URL(e.href);
    if (url.origin !== location.origin) continue;
    const other = anchors[url.pathname.replace(/^\/|\.html$/g, "")];
    const place = url.hash && other !== "title" ? "--" + url.hash.slice(1) : "";
    if (other) e.setAttribute("href", "#" + other + place);
    else e.href = site + (url.pathname + url.search + url.hash).slice(1);
  }
  for (const e of all("img")) e.src = e.src;
  // Code has a span for each word, and each is an element of the PDF's structure, a
  // hundred thousand in all: those go that have no color of their own.
  all("pre :is(.n, .nn, .p, .w)").forEach((e) => e.replaceWith(...e.childNodes));
  all("pre").forEach((e) => e.normalize());
  for (const e of all("h1, h2, h3, h4, h5").reverse()) {
    const lower = document.createElement("h" + (+e.tagName[1] + depth));
    const holder = e.id ? e : e.closest("section[id]");
    lower.id = holder.id;
    holder.removeAttribute("id");
    lower.append(...e.childNodes);
    e.replaceWith(lower);
  }
  const heads = all("h1, h2, h3, h4, h5, h6")
    .map((e) => [+e.tagName[1], e.id, e.textContent.trim()]);
  const sheet = document.getElementById("MJX-CHTML-styles")?.sheet;
  const rules = sheet ? [...sheet.cssRules].map((rule) => rule.cssText) : [];
  return { body: article.innerHTML, heads, rules };
}"""
# Turns the page that is open into the book's: its own style sheets stay.
COMPOSE = """([style]) => {
  document.documentElement.dataset.theme = "light";
  document.querySelectorAll("script").forEach((e) => e.remove());
  const sheet = document.createElement("style");
  sheet.textContent = window.bookRules.join("\\n") + style;
  document.head.append(sheet);
  document.title = document.querySelector("meta[property='og:site_name']").content;
  document.body.innerHTML = '<main class="bd-main"><div class="bd-content">'
    + '<div class="bd-article-container"><article class="bd-article book"></article>'
    + "</div></div></main>";
}"""
FILL = """async (body) => {
  document.querySelector("article.book").innerHTML = body;
  await document.fonts.ready;
  await Promise.all([...document.images].map((e) => e.decode()));
}"""

if __name__ == "__main__":
    if len(sys.argv) not in {1, 3}:
        sys.exit(__doc__)
    site_and_file = sys.argv[1:] or ("_build/html", "_build/inside-gpt.pdf")
    make(Path.cwd(), *map(Path, site_and_file))
