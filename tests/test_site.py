"""The site as a reader meets it: built once, read in a browser with no network."""

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from browser import HOW_TO_GET_ONE, KINDS, VIEWS, Reader, Visit, chromium, serve, weight

from tools.address import address, site

ROOT = Path(__file__).parent.parent
BYTES_A_PAGE = 1_500_000


def pages_of(node) -> list[str]:
    """Every page that a table of contents names, in its order."""
    if isinstance(node, list):
        return [page for child in node for page in pages_of(child)]
    if not isinstance(node, dict):
        return []
    here = [node[key] for key in ("root", "file") if key in node]
    return here + [page for child in node.values() for page in pages_of(child)]


CONTENTS = pages_of(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
PAGES = [*CONTENTS, "search", "genindex"]  # the last two come with the theme


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> tuple[subprocess.CompletedProcess, Path, float]:
    """One build, in a folder of its own: how it ended, the pages, the seconds."""
    target = tmp_path_factory.mktemp("site")
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", ".", "-W", "--keep-going", "--path-output", target]
    start = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done, target / "_build" / "html", time.monotonic() - start


@pytest.fixture(scope="module")
def browser():
    """Chromium, for this file alone: Playwright's event loop must not outlive it."""
    with chromium() as found:
        if found is None and os.environ.get("INSIDE_GPT_REQUIRE_BROWSER") == "1":
            pytest.fail(HOW_TO_GET_ONE, pytrace=False)
        if found is None:
            warnings.warn(HOW_TO_GET_ONE, stacklevel=1)  # said once, at the end
            pytest.skip("needs a browser")
        yield found


@pytest.fixture(scope="module")
def visits(browser, build) -> dict[str, dict[tuple[str, int], Visit]]:
    """Every page, opened in every view."""
    with serve(build[1]) as address:
        readers = {view: Reader(browser, address, *view) for view in VIEWS}
        return {
            page: {view: reader.visit(page) for view, reader in readers.items()}
            for page in PAGES
        }


def test_the_build_is_clean(build):
    done, folder, seconds = build
    print(f"built in {seconds:.0f} s")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "WARNING" not in done.stdout
    assert not [page for page in PAGES if not (folder / f"{page}.html").exists()]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_no_fault(kind, page, visits):
    faults = {view: visit.faults.get(kind) for view, visit in visits[page].items()}
    assert not any(faults.values()), {view: f for view, f in faults.items() if f}


def test_pages_are_light(visits, build):
    """The first load of each page, all of it counted, as it goes over the wire."""
    weights = {}
    for page, views in visits.items():
        names = set().union(*(visit.loaded for visit in views.values()))
        weights[page] = sum(weight(build[1], name) for name in names)
        print(f"{weights[page] / 1000:6.0f} kB in {len(names)} files: {page}")
    assert max(weights.values()) <= BYTES_A_PAGE


def test_icons_need_neither_the_theme_s_script_nor_its_fonts(visits):
    views = [visit for by_view in visits.values() for visit in by_view.values()]
    assert all("_static/icons.css" in visit.loaded for visit in views)
    names = set().union(*(visit.loaded for visit in views))
    assert not [name for name in names if "fontawesome" in name]


def test_search_finds_a_word(browser, build):
    with serve(build[1]) as address:
        page = Reader(browser, address, "light", 1280).page
        page.goto(f"{address}search.html?q=softmax")
        page.locator("#search-results li a").first.wait_for(timeout=10_000)


def test_notebooks_link_to_each_other_inside_the_site(build):
    """In Colab they need the site's address; here the same links need no network."""
    url = site(address(ROOT))
    for path in sorted(build[1].glob("chapters/**/*.html")):
        assert f'href="{url}' not in path.read_text(encoding="utf-8"), path
    solutions = (build[1] / "chapters/solutions/02_attention.html").read_text()
    assert 'href="../02_attention.html"' in solutions


def test_a_link_to_a_page_that_is_not_there_is_a_warning(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import offline_site

    url = address(ROOT)
    app = SimpleNamespace(
        env=SimpleNamespace(
            found_docs={"data"}, doc2path=lambda page, base: f"{page}.md"
        ),
        config=SimpleNamespace(html_theme_options={"repository_url": url}),
    )
    here = site(url)
    source = [f"[a]({here}/data.html#plays) [b]({here}/none.html) [c](https://a.b/)"]
    monkeypatch.setattr(
        offline_site.logger, "warning", lambda *said, **_: told.append(said)
    )
    told = []
    offline_site.stay_inside(app, "a", source)
    assert source == [f"[a](/data.md#plays) [b]({here}/none.html) [c](https://a.b/)"]
    assert told == [("the site has no page %s", "none")]


def test_a_changed_theme_or_a_missing_package_stops_the_build(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import offline_site as site
    from sphinx.errors import ExtensionError

    with pytest.raises(ExtensionError, match="fa-nowhere"):
        styles = r'.fa-bars:before{content:"\f0c9"}'
        site.used_codes(['<i class="fa-nowhere"></i>'], "", styles)
    with pytest.raises(ExtensionError, match="no icon classes"):
        site.icon_codes("")
    with pytest.raises(ExtensionError, match="still loads"):
        site.lighter('<link src="fontawesome.mjs">', "a.html")
    monkeypatch.setattr(site, "MATHJAX_PACKAGE", "no-such-package")
    with pytest.raises(ExtensionError, match="pip install"):
        site.mathjax_folder()


# A page with each kind of fault, so that no check can pass by looking away.
RED = "<svg xmlns='http://www.w3.org/2000/svg' style='background: red'/>"
FAULTY = {
    "errors": "<script>undefined_function()</script>",
    "other hosts": "<img src='https://example.org/a.png' alt='a'>",
    "missing files": "<link rel='stylesheet' href='missing.css'>",
    "images": "<img src='missing.png' alt='a'>",
    "overflow": "<main><div style='width: 3000px'>wide</div></main>",
    "formulas": r"<span class='math'>\(x\)</span>",
    "code": "<div class='cell'><div class='highlight-python'>"
    "<pre style='width: 40px; overflow: auto'>attention</pre></div></div>",
    "icons": "<i class='fa-solid fa-bars'></i>",
    "access": "<p style='color: #aaa; background: #fff'>faint</p>",
    "explorers": "<div class='gpt-explorer'><label>a <input type='range'></label>"
    "<div class='picture'>still</div></div>",
    "figures": "<article class='bd-article' style='padding: 9px'>"
    f'<img alt="a" width="50" src="data:image/svg+xml,{RED}"></article>',
}
WHOLE = (
    "<!doctype html><html lang='en'><head><title>a</title></head>"
    "<body><main><h1>a</h1>{}</main></body></html>"
)


@pytest.fixture(scope="module")
def control(browser, tmp_path_factory):
    """A reader of a folder with a page for each kind of fault, and a sound one."""
    folder = tmp_path_factory.mktemp("controls")
    for kind, body in {**FAULTY, "sound": "<p>a</p>"}.items():
        (folder / f"{kind}.html").write_text(WHOLE.format(body), encoding="utf-8")
    with serve(folder) as address:
        yield Reader(browser, address, "dark", 1280)


@pytest.mark.parametrize("kind", KINDS)
def test_each_check_can_fail(kind, control):
    assert control.visit(kind).faults.get(kind)


def test_a_sound_page_passes_every_check(control):
    assert not control.visit("sound").faults
