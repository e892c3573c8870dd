"""The site as a reader meets it: what a page is for, in a browser with no network.

That no page has a fault is seen in `test_pages_light.py` and `test_pages_dark.py`.
"""

import base64
import html
import io
import json
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import nbformat
import pytest
import torch
from PIL import Image
from pypdf import PdfReader
from sphinx.errors import ExtensionError

from lib.hub import pretrained
from lib.tokens.tokenizer import CharacterTokenizer
from lib.widgets.chat import chat_explorer
from lib.widgets.writer import generation_explorer
from tests.helpers.browser import AUDIT, FOCUS, SCRIPTS, Reader, serve
from tests.helpers.contents import contents
from tests.helpers.models_on_disk import PROMPTS, scores
from tests.helpers.site import PAGES
from tools import library, offline_site, site_models, theme_scripts
from tools.address import address, site

ROOT = Path(__file__).parents[2]
URL = site(address(ROOT))
CHAPTERS = [name for name in contents() if re.match("chapters/(?!00)[0-9]", name)]


def test_the_build_is_clean(build):
    done, folder, seconds = build
    print(f"built in {seconds:.0f} s")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "WARNING" not in done.stdout
    assert not [page for page in PAGES if not (folder / f"{page}.html").exists()]


@pytest.mark.parametrize("page", contents())
def test_a_page_can_be_previewed(page, build):
    """Its head says what it is about; the preview's picture is in the site."""
    text = (build[1] / f"{page}.html").read_text(encoding="utf-8")
    tags = dict(
        re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', text)
    )
    assert 20 <= len(tags["description"]) <= 250
    assert tags["og:description"] == tags["description"]
    assert tags["og:site_name"] == "Inside GPT" and tags["og:title"]
    assert html.unescape(tags["og:image:alt"]).startswith("The logo of Inside GPT")
    assert tags["og:url"].endswith(f"/{page}.html")
    root = tags["og:url"].removesuffix(f"{page}.html")
    assert (build[1] / tags["og:image"].removeprefix(root)).exists()


def test_the_page_for_lost_readers_works_at_any_depth(browser, build, tmp_path):
    """Served under the site's own path, as GitHub Pages does, in a deep folder."""
    root = urlsplit(URL).path + "/"
    place = tmp_path / root.strip("/")
    shutil.copytree(build[1], place)
    (place / "a" / "b").mkdir(parents=True)
    shutil.copy(build[1] / "404.html", place / "a" / "b" / "lost.html")
    with serve(tmp_path) as address:
        reader = Reader(browser, address, "light", 1280)
        assert not reader.visit(f"{root.strip('/')}/a/b/lost").faults
        reader.page.get_by_role("link", name="The front page").click()
        assert reader.page.url == f"{address}{root.strip('/')}/index.html"


@pytest.mark.parametrize("page", ["chapters/03_attention", "reference/model"])
def test_a_page_prints_clean(page, browser, build):
    """No bars beside the text, no controls, code not cut off, dark turned light."""
    with serve(build[1]) as address:
        paper = Reader(browser, address, "dark", 1280).page
        paper.goto(f"{address}{page}.html")
        paper.set_viewport_size({"width": 700, "height": 990})
        paper.emulate_media(media="print")
        paper.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        for bar in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer"):
            assert not paper.locator(bar).first.is_visible(), bar
        for control in paper.locator(".bd-article :is(button, select, input)").all():
            assert not control.is_visible(), control.evaluate("e => e.outerHTML")
        target = "e => getComputedStyle(e, '::after').content"
        link = paper.locator(".bd-article a.external").last
        assert link.evaluate(target) in ("none", "normal")
        cut = "e => e.filter((e) => e.scrollWidth > e.clientWidth + 1).length"
        assert paper.locator(".bd-article pre").evaluate_all(cut) == 0
        color = "getComputedStyle(document.querySelector('h1')).color"
        assert max(map(int, re.findall(r"\d+", paper.evaluate(color))[:3])) < 100


@pytest.fixture(scope="module")
def book(browser, build, tmp_path_factory) -> PdfReader:
    """The whole book as a PDF, made once; another process, as it starts a browser."""
    path = tmp_path_factory.mktemp("pdf") / "book.pdf"
    command = [sys.executable, "-m", "tools.pdf", build[1], path]
    done = subprocess.run(command, cwd=ROOT, encoding="utf-8", stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size < 15e6
    return PdfReader(path)


def test_the_book_has_every_page_in_its_outline(book, build):
    """In order, each on a sheet of its own, whose number the contents print."""
    titles = {}
    for page in contents()[1:]:
        text = (build[1] / f"{page}.html").read_text(encoding="utf-8")
        title = re.sub("<.+?>", "", re.search(r"<h1>(.+?)<a class", text)[1])
        titles[page] = html.unescape(title)
    marks = []
    for entry in book.outline:
        both = entry if isinstance(entry, list) else [entry]
        marks += [
            (mark.title, book.get_destination_page_number(mark) + 1)
            for mark in both
            if not isinstance(mark, list)
        ]
    places = iter(marks)
    found = [next(m for m in places if m[0] == title) for title in titles.values()]
    numbers = [number for _, number in found]
    assert numbers == sorted(set(numbers))
    front = "\n".join(page.extract_text() for page in book.pages[: numbers[0] - 1])
    front = unicodedata.normalize("NFKC", front)  # fi may be set as one letter
    lines = [" ".join(line.split()) for line in front.splitlines()]
    for title, number in found:
        assert any(line.endswith(f"{title} {number}") for line in lines), title
    sheet = book.pages[numbers[1] - 1].extract_text()
    assert "Chapter 1" in sheet and re.search(rf"^{numbers[1]}$", sheet, re.MULTILINE)


def test_links_of_the_book_lead_to_its_pages_or_to_whole_addresses(book):
    inside, outside, own = 0, set(), site(address(ROOT))
    places = {name.lstrip("/") for name in book.named_destinations}
    for page in book.pages:
        for link in (note.get_object() for note in page.get("/Annots", [])):
            target = link.get("/Dest") or link["/A"].get("/D")
            if target is None:
                outside.add(link["/A"]["/URI"])
            else:
                inside += 1
                assert str(target).lstrip("/") in places, target
    assert inside > 100
    for link in outside:
        assert link.startswith("https://"), link
        if link.startswith(own):
            name = link.removeprefix(own).strip("/").split("#")[0]
            assert name.removesuffix(".html") not in contents()[1:], link


def test_figures_are_packed_again_pixel_by_pixel(build, monkeypatch, tmp_path):
    """What a notebook stores and what its page shows; a transparent one as well."""
    assert not list(build[1].glob("_images/*.png"))
    notebook = nbformat.read(ROOT / "chapters/03_attention.ipynb", as_version=4)
    stored = next(
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )
    opaque = Image.open(io.BytesIO(base64.b64decode(stored))).convert("RGBA")
    clear = opaque.resize((50, 40))
    clear.putalpha(clear.getchannel("R"))
    for figure in (opaque, clear):
        figure.save(tmp_path / "a.png")
        packed = offline_site.repack(tmp_path / "a.png")
        with Image.open(packed) as shown:
            assert shown.convert("RGBA").tobytes() == figure.tobytes()
        assert [path.name for path in tmp_path.iterdir()] == ["a.webp"]
    pages = [path.read_text() for path in build[1].rglob("*.html")]
    shown = set(re.findall(r'_images/([^"/]+\.\w+)"', "".join(pages)))
    assert shown == {path.name for path in build[1].glob("_images/*.*")}


def test_the_picture_on_the_front_page_is_alive(browser, build):
    """With each of a few keys and heads it shows what the benchmark stored."""
    stored = json.loads((ROOT / "benchmarks/results/front_page.json").read_text())
    figures = stored["figures"]
    heads = [head for layer in figures["weights"] for head in layer]
    with serve(build[1]) as address:
        page = Reader(browser, address, "light", 1280).page
        page.goto(f"{address}index.html")
        letters = page.locator(".prediction .line span")
        for keys, chosen in ((["Home"], 3), (["End"], 0), (["ArrowLeft"] * 7, 9)):
            for key in keys:
                page.locator(".prediction .position").press(key)
            page.locator(".prediction .head").select_option(str(chosen))
            t = int(page.locator(".prediction .position").input_value())
            shares = [int(share) for share in heads[chosen][t].split()]
            shades = letters.evaluate_all(
                "e => e.map((e) => 2 * parseFloat(e.style.getPropertyValue('--share')))"
            )
            assert shades == shares + [0] * (len(figures["line"]) - len(shares))
            bars = page.locator(".prediction .guesses span").all_inner_texts()
            percents = [text.replace("\u00a0%", "") for text in bars]
            assert percents[:5] == figures["percents"][t].split()
            assert f"After “{figures['line'][: t + 1]}” the model" in said(page)
            came = page.locator(".prediction .guesses .came span").inner_text()
            assert came == figures["came"].split()[t] + "\u00a0%"
        letters.nth(4).hover()
        assert f"After “{figures['line'][:5]}” the model" in said(page)


def said(page) -> str:
    """The sentences under the picture."""
    return page.locator(".prediction .say").inner_text()


def test_a_typed_line_is_read_in_the_page(browser, build):
    """By the model whose picture it was; the stored line read so looks as stored."""
    stored = json.loads((ROOT / "benchmarks/results/front_page.json").read_text())
    figures, late = stored["figures"], []
    line = figures["line"].strip()
    with serve(build[1]) as address:
        reader = Reader(browser, address, "light", 1280)
        page = reader.page
        page.on("request", lambda asked: late.append(asked.url.removeprefix(address)))
        page.goto(f"{address}index.html")
        page.locator(".prediction .position").press("Home")
        assert not [name for name in late if "models/" in name]
        field = page.locator(".prediction .own")
        field.focus()
        field.fill(line)
        done = page.locator(".prediction .say").filter(has_text=f"After “{line}”")
        done.wait_for(timeout=30_000)
        assert "models/plays_gpt.json" in "".join(late)
        for t in (0, 7, 19):
            page.locator(".prediction .position").fill(str(t))
            bars = page.locator(".prediction .guesses span").all_inner_texts()
            percents = [int(text.replace("\u00a0%", "")) for text in bars[:5]]
            expected = map(int, figures["percents"][t].split())
            assert all(abs(a - b) <= 1 for a, b in zip(percents, expected, strict=True))
        field.fill("Zoë")
        page.locator(".prediction .awake").filter(has_text="“ë”: left out").wait_for()
        assert page.locator(".prediction .line").inner_text() == "Zo"
        field.fill("")
        page.locator(".prediction .say").filter(has_text="dagger whi").wait_for()
        assert not reader.now.faults


def test_opened_from_disk_the_page_says_why_it_reads_no_line(browser, build):
    page = browser.new_page()
    page.goto((build[1] / "index.html").as_uri())
    page.locator(".prediction .awake").filter(has_text="Opened from disk").wait_for()
    assert page.locator(".prediction .own").is_disabled()
    assert "After “Is this a dagger whi”" in said(page)


READ = """async ([name, text]) => {
  const { GPT, read_weights } = await import("./_static/gpt.js");
  const { make_tokenizer } = await import("./_static/tokenizer.js");
  const get = (end) => fetch(`./_static/models/${name}.${end}`);
  const card = await (await get("json")).json();
  const data = await (await get("safetensors")).arrayBuffer();
  const gpt = new GPT(card.config, read_weights(data));
  const found = make_tokenizer(card).encode(text);
  return [found, found.map((id) => Array.from(gpt.read(id)))];
}"""


@pytest.mark.parametrize("name", pretrained.names("gpt"))
@pytest.mark.parametrize("prompt", range(len(PROMPTS)))
def test_the_models_of_the_site_say_what_pytorch_says(prompt, name, browser, build):
    """Within 1e-3 of a logit, on the weights as they are stored, in the page."""
    folder = build[1] / site_models.FOLDER
    tokenizer = pretrained.load_gpt(name, folder).tokenizer
    text = PROMPTS[prompt]
    if isinstance(tokenizer, CharacterTokenizer):
        text = "".join(each for each in text if each in tokenizer.ids)
    with serve(build[1]) as address:
        page = browser.new_page()
        page.goto(f"{address}index.html")
        ids, found = page.evaluate(READ, [name, text])
        page.close()
    assert ids == tokenizer.encode(text)
    ours = scores(name, folder, ids)
    assert (torch.tensor(found) - ours).abs().max() < 1e-3


def put_on_a_page(widget, build, copy):
    """The site in another place, where others do not read it, and the widget in it."""
    shutil.copytree(build[1], copy)
    page = (build[1] / "chapters/07_generation.html").read_text("utf-8")
    place = page.index("</h1>", page.index("<article")) + len("</h1>")
    output = f'<div class="cell_output">{widget}</div>'
    body = page[:place] + output + page[place:]
    (copy / "chapters/awake.html").write_text(body, "utf-8")


def awake(browser, folder, kind):
    """The widget, awake, in both schemes and widths; then it must have no fault."""
    with serve(folder) as address:
        for view in (("light", 1280), ("dark", 390)):
            reader = Reader(browser, address, *view)
            reader.page.goto(f"{address}chapters/awake.html")
            root = reader.page.locator(kind).first  # the chapter has a writer, too
            root.locator(".wake").click()
            yield root
            checks = (SCRIPTS["overflow"], FOCUS, AUDIT)
            rules = [None, None, {"rules": {}}]
            for check, told in zip(checks, rules, strict=True):
                assert not reader.page.evaluate(check, told), view
            assert not reader.now.faults


def test_a_text_that_is_written_in_the_page_has_no_fault(browser, build, tmp_path):
    folder, name = build[1] / site_models.FOLDER, pretrained.names("gpt")[0]
    written = generation_explorer(name, "To be", 9, folder=folder).data
    put_on_a_page(written, build, tmp_path / "site")
    for root in awake(browser, tmp_path / "site", ".writer"):
        root.locator(".awake").filter(has_text="paused").wait_for(timeout=60_000)
        root.locator(".token:not(.given)").first.click()
        assert root.locator(".choice button").count() == 8


def test_a_conversation_in_the_page_has_no_fault(browser, build, tmp_path):
    folder = build[1] / site_models.FOLDER
    talk = chat_explorer("review_gpt", ["Good?"], max_new_tokens=9, folder=folder).data
    put_on_a_page(talk, build, tmp_path / "site")
    for root in awake(browser, tmp_path / "site", ".chat"):
        root.locator(".awake").filter(has_text="Enter sends").wait_for(timeout=60_000)
        root.locator(".message").fill("The longest word is " + "so" * 90)
        root.locator(".send").click()
        root.locator(".awake").filter(has_text="The answer is cut off").wait_for()
        assert root.locator(".turn").count() == 4


def test_the_picture_needs_no_script_and_stands_on_the_first_screen(browser, build):
    with serve(build[1]) as address:
        alive = Reader(browser, address, "light", 1280).page
        still = browser.new_context(
            java_script_enabled=False, viewport={"width": 1280, "height": 800}
        ).new_page()
        for page in (alive, still):
            page.goto(f"{address}index.html")
        for part in (".line", ".guesses", ".say"):
            first, same = (
                page.locator(f".prediction {part}").inner_html()
                for page in (alive, still)
            )
            assert first == same, part
        assert alive.locator(".prediction .controls").is_visible()
        assert not still.locator(".prediction .controls").is_visible()
        box = still.locator(".prediction").bounding_box()
        assert box["y"] + box["height"] <= 800
        alive.set_viewport_size({"width": 390, "height": 844})
        assert alive.locator(".prediction").bounding_box()["y"] <= 422


@pytest.fixture(scope="module")
def entries(build) -> dict[str, str]:
    """The entry of every name of the library: from its signature to the next one's."""
    found, name = {}, re.compile(r' id="(?:module-)?(lib(?:\.[^"]+)?)"')
    for path in (build[1] / "reference").glob("*.html"):
        _, *parts = name.split(path.read_text("utf-8"))
        found |= zip(parts[::2], parts[1::2], strict=True)
    return found


def test_each_name_says_which_chapter_shows_it(entries, build):
    """Chapter and section as found in the notebooks; the section is there."""
    places = library.places(ROOT)
    assert len(places) > 100
    sections = {}
    for name, place in places.items():
        said = "hown in" if place.shown else "irst used in"
        assert name in entries or name == "lib", name
        if (ROOT / name.replace(".", "/")).is_dir():  # it says so of its files
            continue
        links = entries[name].split("lib-links")[1].split("</div>")[0]
        page, anchor = re.search(
            said + r' <a [^>]*href="\.\./([^"#]+)#?([^"]*)', links
        ).groups()
        assert page == f"{place.chapter}.html", name
        if not anchor:  # it is above all sections
            continue
        if page not in sections:
            sections[page] = (build[1] / page).read_text("utf-8")
        heading = re.search(
            rf'id="{anchor}".*?<h\d>(.*?)<a class', sections[page], re.S
        )[1]
        plain = html.unescape(re.sub("<[^>]+>", "", heading)).replace("’", "'")
        assert plain == re.sub(r"[`*$]", "", place.heading), name


def test_names_in_code_lead_to_their_entries(build, entries):
    for path in sorted((build[1] / "chapters").glob("*.html")):
        if f"chapters/{path.stem}" not in CHAPTERS:
            continue  # an address that leads elsewhere, or "Before you start"
        links = re.findall(
            r'<a class="sphinx-codeautolink-a" href="\.\./reference/[^"#]+#([^"]+)',
            path.read_text("utf-8"),
        )
        names = {name.removeprefix("module-") for name in links}
        assert len(names) > 10 and names <= entries.keys(), path


@pytest.fixture(scope="module")
def search(browser, build):
    """A function from words to what the search finds, best first; no fault allowed."""
    with serve(build[1]) as address:
        reader = Reader(browser, address, "light", 1280)

        def find(words: str) -> list[str]:
            reader.page.goto(f"{address}search.html?q={words}")
            links = reader.page.locator("#search-results li > a")
            links.first.wait_for(timeout=10_000)
            reader.page.locator("#search-results .context").first.wait_for()
            assert not reader.now.faults
            return links.evaluate_all(
                "e => e.map((e) => new URL(e.href).pathname.slice(1) + e.hash)"
            )

        yield find


@pytest.mark.parametrize(
    "words, entry, chapter",
    [
        ("softmax", "glossary.html#term-softmax", "03_attention"),
        ("residual stream", "glossary.html#term-residual-stream", "04_block"),
        ("learning rate", "glossary.html#term-learning-rate", "05_learning"),
        ("top-p", "glossary.html#term-top-p", "07_generation"),
        ("LoRA", "glossary.html#term-LoRA", "08_finetuning"),
        ("byte-pair encoding", "glossary.html#term-byte-pair-encoding", "01_tokens"),
        (
            "KeyValueCache",
            "reference/model.html#lib.model.cache.KeyValueCache",
            "",
        ),
    ],
)
def test_search_finds_the_entry_and_then_the_chapter(words, entry, chapter, search):
    """The glossary's or the library's entry first, the chapter that teaches it next."""
    found = search(words)
    assert found[0] == entry
    assert not chapter or f"chapters/{chapter}.html" in found[:4]


def test_notebooks_link_to_each_other_inside_the_site(build):
    """In Colab they need the site's address; here the same links need no network."""
    url = site(address(ROOT))
    for path in (build[1] / f"{n}.html" for n in contents() if n[:9] == "chapters/"):
        links = re.findall(r"<a [^>]*>", path.read_text(encoding="utf-8"))
        assert links and not [a for a in links if f'href="{url}' in a], path
    solutions = (build[1] / "chapters/solutions/03_attention.html").read_text()
    assert 'href="../03_attention.html"' in solutions


def test_every_aside_of_a_notebook_is_a_note_of_its_page(build):
    found = 0
    for path in (ROOT / "chapters").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells)
        page = (build[1] / "chapters" / f"{path.stem}.html").read_text()
        many = len(re.findall(r"^> \*\*Aside\.\*\* ", text, re.MULTILINE))
        assert page.count('<aside class="margin" role="note">') == many
        found += many
    assert found >= 3


def test_numbers_lead_to_their_figures_and_equations(build):
    """From page to page; beside links a page names a number in its captions alone."""
    pages = {path: path.read_text("utf-8") for path in build[1].rglob("*.html")}
    across = set()
    for path, page in pages.items():
        links = re.findall(r'href="([^"#]*)#((?:figure|equation)-\d+-\d+)"', page)
        for other, name in links:
            target = (path.parent / other).resolve() if other else path
            assert f'id="{name}"' in pages[target], (path, name)
            across |= {(path.name, target.name)} if target != path else set()
        article = page[page.find("<article") : page.find("</article>")]
        bare = re.sub(r"<(a|code|pre|strong|script)\b.*?</\1>", "", article, flags=re.S)
        assert not re.search(r"\b([Ff]igure|[Ee]quation)s?\s+\d+\.\d", bare), path
    assert len(across) > 8


def test_a_formula_with_a_number_fits_a_phone_or_scrolls(browser, build):
    """The number stands beside it, and what is too wide can be brought into view."""
    with serve(build[1]) as address:
        phone = Reader(browser, address, "light", 390).page
        for path in sorted(build[1].glob("chapters/*.html")):
            if 'id="equation-' not in path.read_text("utf-8"):
                continue
            phone.goto(f"{address}chapters/{path.name}")
            # assets/a11y.js takes the mark away when all formulas are set.
            phone.wait_for_selector("html:not(.formulas-to-come)", state="attached")
            for formula in phone.locator("div.math[id^=equation]").all():
                box, shown, number = formula.evaluate("""(box) => [
                  [box.getBoundingClientRect().left, box.scrollWidth, box.tabIndex],
                  ...["mjx-itable > :first-child", "mjx-labels mjx-mtd"].map((part) => {
                    const place = box.querySelector(part).getBoundingClientRect();
                    return [place.left, place.right];
                  })]""")
                left, width, tab = box
                assert left <= shown[0] < shown[1] < number[0], path
                assert number[1] <= left + width + 1
                assert tab == (0 if width > 390 - 2 * left else -1)


def test_a_link_to_a_page_that_is_not_there_is_a_warning(monkeypatch):
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
    site = offline_site
    with pytest.raises(ExtensionError, match="still loads"):
        site.lighter('<link src="fontawesome.mjs">', "a.html")
    with pytest.raises(ExtensionError, match="in another way now"):
        theme_scripts.finding("querySelector(anchor)")
    monkeypatch.setattr(site, "MATHJAX_PACKAGE", "no-such-package")
    with pytest.raises(ExtensionError, match="pip install"):
        site.mathjax_folder()
