"""A local Sphinx extension: no page asks another host, and each is light.

What happens during `jupyter-book build .`:

1. MathJax is copied out of the installed package django-static-mathjax into the site,
   and linked from the pages that have formulas.
2. The theme's icon script (1.5 MB, on every page) is taken out of the pages. Without it
   the theme's style sheet draws the same icons from web fonts.
3. Figures get their size as attributes, so that no text jumps when they arrive, and are
   loaded when they come near. Each is packed again as lossless WebP: the same pixels in
   less than half the bytes. The notebooks keep their PNG.
4. The theme loads the search's index on every page, for a search as you type which this
   site does not have. It is taken out of all pages but the search's own.
5. Notebooks link to each other by the site's address, so that the links work in Colab.
   Here they become links from page to page, checked, which work with no network.

Nothing of a third party is committed. What is not found stops the build and says why.
"""

import importlib.metadata
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from docutils.nodes import document
from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

from tools import address

logger = logging.getLogger(__name__)

MATHJAX_PACKAGE = "django-static-mathjax"
MATHJAX_SCRIPT = "vendor/mathjax/tex-chtml.js"
# Beside the script: its fonts, and macros that it fetches when a formula needs them.
MATHJAX_FOLDERS = ("output/chtml/fonts/woff-v2", "input/tex/extensions")

ICON_SCRIPT = re.compile(r"[ \t]*<script[^>]*\bfontawesome\.js[^>]*></script>\n?")
SEARCH_SCRIPT = re.compile(
    r'[ \t]*<script src="[^"]*\b(?:searchtools|language_data|searchindex)\.js[^>]*>'
    r"</script>\n?"
)
# A figure out of a notebook, as a page shows it and links to it.
FIGURE = re.compile(r'((?:src|href)="[^"]*\b_images/[^"]+)\.png"')
# What Sphinx writes for a figure whose notebook says how large it is.
SIZED = re.compile(r'(<img [^>]*)style="width: (\d+)px; height: (\d+)px;"')


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
    source = mathjax_folder()
    target = Path(app.outdir, "_static", MATHJAX_SCRIPT).parent
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
    """After pages are written: make each lighter."""
    if error or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        before = path.read_text(encoding="utf-8")
        after = lighter(before, path.name)
        if after != before:
            path.write_text(after, encoding="utf-8")
    for path in Path(app.outdir, app.builder.imagedir).glob("*.png"):
        repack(path)


def point_at_own_files(app: Sphinx, config: Config) -> None:
    """Where MathJax is, and what the site's address is to those who link to it."""
    config.mathjax_path = MATHJAX_SCRIPT
    url = address.site(config.html_theme_options["repository_url"]) + "/"
    config.html_baseurl = config.html_baseurl or url
    config.ogp_site_url = config.html_baseurl
    root = urlsplit(config.html_baseurl).path
    config.notfound_urls_prefix = root
    lost = config.notfound_context["body"].replace('href="', f'href="{root}')
    config.notfound_context = config.notfound_context | {"body": lost}


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("config-inited", point_at_own_files)
    app.connect("builder-inited", serve_mathjax)
    app.connect("source-read", stay_inside)
    app.connect("html-page-context", spare_mathjax, priority=900)  # after Sphinx itself
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
