"""A local Sphinx extension: no page asks another host, and icons weigh kilobytes.

What happens during `jupyter-book build .`:

1. MathJax is copied out of the installed package django-static-mathjax into the site,
   and linked from the pages that have formulas.
2. The theme's icon script (1.5 MB, on every page) is taken out of the pages. Without it
   the theme's style sheet draws the same icons from web fonts.
3. Of those fonts (0.3 MB) the icons in use are cut out into `_static/icons.css`. The
   full fonts stay in the site: an icon that is overlooked here is still drawn, at the
   price of its font.
4. Figures get their size as attributes, so that no text jumps when they arrive, and are
   loaded when they come near. Each is packed again as lossless WebP: the same pixels in
   less than half the bytes. The notebooks keep their PNG.
5. The theme loads the search's index on every page, for a search as you type which this
   site does not have. It is taken out of all pages but the search's own.
6. Notebooks link to each other by the site's address, so that the links work in Colab.
   Here they become links from page to page, checked, which work with no network.

Nothing of a third party is committed. What is not found stops the build and says why.
"""

import base64
import importlib.metadata
import io
import re
import shutil
from pathlib import Path

import address
from docutils.nodes import document
from fontTools import subset, ttLib
from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)

MATHJAX_PACKAGE = "django-static-mathjax"
MATHJAX_SCRIPT = "vendor/mathjax/tex-chtml.js"
# Beside the script: its fonts, and macros that it fetches when a formula needs them.
MATHJAX_FOLDERS = ("output/chtml/fonts/woff-v2", "input/tex/extensions")

ICON_STYLES = "icons.css"
ICON_SCRIPT = re.compile(r"[ \t]*<script[^>]*\bfontawesome\.js[^>]*></script>\n?")
SEARCH_SCRIPT = re.compile(
    r'[ \t]*<script src="[^"]*\b(?:searchtools|language_data|searchindex)\.js[^>]*>'
    r"</script>\n?"
)
# A figure out of a notebook, as a page shows it and links to it.
FIGURE = re.compile(r'((?:src|href)="[^"]*\b_images/[^"]+)\.png"')
# What Sphinx writes for a figure whose notebook says how large it is.
SIZED = re.compile(r'(<img [^>]*)style="width: (\d+)px; height: (\d+)px;"')

THEME_STYLES = ("styles/pydata-sphinx-theme.css", "styles/sphinx-book-theme.css")
THEME_SCRIPTS = ("scripts/pydata-sphinx-theme.js", "scripts/sphinx-book-theme.js")
FONT_FOLDER = "vendor/fontawesome/webfonts"
# File, and the family and weight under which the theme's style sheet asks for it.
FONTS = (
    ("fa-solid-900.ttf", "Font Awesome 6 Free", 900),
    ("fa-regular-400.ttf", "Font Awesome 6 Free", 400),
    ("fa-brands-400.ttf", "Font Awesome 6 Brands", 400),
)
# `.fa-bars:before,.fa-navicon:before{content:"\f0c9"}`
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:{1,2}before,?)+)\{content:"\\([0-9a-f]+)"\}')
# An icon that a style sheet names elsewhere: by its code, or by the character itself.
ICON_CODE = re.compile(r'"\\([ef][0-9a-f]{3})"|"([\ue000-\uf8ff])"')

LICENSE = """\
/* Icons cut out of Font Awesome Free 6 by Fonticons, Inc. (https://fontawesome.com), as
 * shipped with the theme. License: icons CC BY 4.0, fonts SIL OFL 1.1, code MIT
 * (https://fontawesome.com/license/free). Changed: only the icons in use are kept.
 */
"""
FACE = """\
@font-face {{
  font-family: "{family}"; font-weight: {weight}; font-style: normal;
  font-display: block; src: url(data:font/woff;base64,{data}) format("woff");
  unicode-range: {codes};
}}
"""


def mathjax_folder() -> Path:
    """The folder of the installed package that holds `tex-chtml.js`."""
    try:
        files = importlib.metadata.files(MATHJAX_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.match("es5/tex-chtml.js"):
            return Path(file.locate()).parent
    raise ExtensionError(
        f"The site serves MathJax out of the package {MATHJAX_PACKAGE}, which is not "
        "installed or has no es5/tex-chtml.js. Run `pip install -r requirements.txt`."
    )


def serve_mathjax(app: Sphinx) -> None:
    """Copy MathJax into the site before pages are written."""
    if app.builder.format != "html":
        return
    source, target = (
        mathjax_folder(),
        Path(app.outdir, "_static", MATHJAX_SCRIPT).parent,
    )
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / "tex-chtml.js", target)
    for folder in MATHJAX_FOLDERS:
        shutil.copytree(source / folder, target / folder, dirs_exist_ok=True)


def spare_mathjax(
    app: Sphinx, page: str, template: str, context: dict, doctree: document | None
) -> None:
    """Sphinx would load MathJax also where a page lists others that have formulas."""
    if not app.env.get_domain("math").data["has_equations"].get(page):
        context["script_files"] = [
            file
            for file in context["script_files"]
            if not str(getattr(file, "filename", file)).endswith(MATHJAX_SCRIPT)
        ]


def icon_codes(styles: str) -> dict[str, int]:
    """Every icon class in the theme's style sheet with the code of its glyph."""
    codes = {
        name: int(code, 16)
        for selectors, code in ICON_RULE.findall(styles)
        for name in re.findall(r"fa-[\w-]+", selectors)
    }
    if not codes:
        raise ExtensionError(
            f"{THEME_STYLES[0]} of the theme defines no icon classes in the shape that "
            "tools/offline_site.py knows: mend ICON_RULE there."
        )
    return codes


def class_icons(page: str) -> set[str]:
    """Words that start with `fa-` in the class attributes of a page."""
    return {
        word
        for classes in re.findall(r'class="([^"]*)"', page)
        for word in classes.split()
        if word.startswith("fa-")
    }


def used_codes(pages: list[str], scripts: str, styles: str) -> set[int]:
    """Glyphs that pages and scripts ask for by class, and style sheets by code."""
    codes = icon_codes(styles)
    on_pages = set().union(*map(class_icons, pages))
    unknown = sorted(name for name in on_pages if f".{name}" not in styles)
    if unknown:
        raise ExtensionError(f"The theme's styles know no icon {', '.join(unknown)}.")
    named = on_pages | set(re.findall(r"\bfa-[a-z0-9-]+", scripts))
    by_code = {
        int(code, 16) if code else ord(char)
        for code, char in ICON_CODE.findall(ICON_RULE.sub("", styles))
    }
    return by_code | {codes[name] for name in named & codes.keys()}


def cut_font(path: Path, codes: set[int]) -> tuple[bytes, list[int]]:
    """A WOFF with the glyphs of `codes` alone, and which of them the font has."""
    if not path.exists():
        raise ExtensionError(f"The theme has no {path.name} any more: mend FONTS.")
    font = ttLib.TTFont(path, recalcTimestamp=False)
    present = sorted(codes & font.getBestCmap().keys())
    options = subset.Options(
        layout_features=[], drop_tables=["FFTM", "DSIG"], hinting=False
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=present)
    cutter.subset(font)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue(), present


def icon_styles(static: Path, codes: set[int], styles: str) -> str:
    """The text of `icons.css`: a small font in front of each of the theme's.

    Where two faces share family and weight, a browser takes a glyph from the later one,
    and from the earlier (the full font) only what the later one lacks.
    """
    text, missing = LICENSE, set(codes)
    for file, family, weight in FONTS:
        if family not in styles.replace("\\", ""):
            raise ExtensionError(f"The theme uses no font {family!r} now: mend FONTS.")
        font, present = cut_font(static / FONT_FOLDER / file, codes)
        missing -= set(present)
        text += FACE.format(
            family=family,
            weight=weight,
            data=base64.b64encode(font).decode(),
            codes=", ".join(f"U+{code:X}" for code in present),
        )
    if missing:
        names = ", ".join(f"U+{code:X}" for code in sorted(missing))
        raise ExtensionError(f"None of the theme's icon fonts has {names}.")
    return text


def lighter(page: str, name: str) -> str:
    """A page without the icon script, its figures sized and loaded in their time."""
    page = FIGURE.sub(r'\1.webp"', ICON_SCRIPT.sub("", page))
    if name != "search.html":
        page = SEARCH_SCRIPT.sub("", page)
    if re.search(r'src="[^"]*fontawesome', page):
        raise ExtensionError(f"{name} still loads the icon script: mend ICON_SCRIPT.")
    return SIZED.sub(r'\1width="\2" height="\3" loading="lazy"', page)


def stay_inside(app: Sphinx, page: str, source: list[str]) -> None:
    """Turn a link to the site's own address into one to the file of that page."""
    found = app.env.found_docs

    def inside(link: re.Match) -> str:
        if link[1] not in found:
            logger.warning("the site has no page %s", link[1], location=page)
            return link[0]
        return "](/" + app.env.doc2path(link[1], base=False)

    url = app.config.html_theme_options["repository_url"]
    own = re.compile(rf"\]\({re.escape(address.site(url))}/([\w/-]+)\.html")
    source[0] = own.sub(inside, source[0])


def repack(path: Path) -> Path:
    """Put a lossless WebP in the place of a PNG; every pixel stays as it is."""
    packed = path.with_suffix(".webp")
    with Image.open(path) as figure:
        figure.save(packed, lossless=True, exact=True)
    path.unlink()
    return packed


def lighten(app: Sphinx, error: Exception | None) -> None:
    """After pages are written: make each lighter, and write `icons.css`."""
    if error or app.builder.format != "html":
        return
    pages = []
    for path in sorted(Path(app.outdir).rglob("*.html")):
        before = path.read_text(encoding="utf-8")
        pages.append(lighter(before, path.name))
        if pages[-1] != before:
            path.write_text(pages[-1], encoding="utf-8")
    for path in Path(app.outdir, app.builder.imagedir).glob("*.png"):
        repack(path)
    static = Path(app.outdir, "_static")
    styles, scripts = (
        "\n".join((static / name).read_text(encoding="utf-8") for name in names)
        for names in (THEME_STYLES, THEME_SCRIPTS)
    )
    text = icon_styles(static, used_codes(pages, scripts, styles), styles)
    (static / ICON_STYLES).write_text(text, encoding="utf-8")


def point_at_own_files(app: Sphinx, config: Config) -> None:
    """Pages take MathJax and the icons from the site itself."""
    config.mathjax_path = MATHJAX_SCRIPT
    app.add_css_file(ICON_STYLES)


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("config-inited", point_at_own_files)
    app.connect("builder-inited", serve_mathjax)
    app.connect("source-read", stay_inside)
    app.connect("html-page-context", spare_mathjax, priority=900)  # after Sphinx itself
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
