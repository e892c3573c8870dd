"""A browser for the tests of the site: open pages with no network, list their faults.

To look at a page by hand after a build, with pictures of it in the folder `shots`:

    python -m tests.helpers.browser _build/html shots chapters/03_attention
"""

import functools
import gzip
import io
import json
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
)

from tools import chromium
from tools.chromium import Quiet

BESIDE = {1280: 768, 390: 320}  # widths at which a page must not overflow either
VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
# Two views have both schemes and both widths between them. What takes long, and depends
# on the scheme or on the width but not on both together, is looked at in them alone.
THOROUGH = [("light", 1280), ("dark", 390)]
COLORS = ["color-contrast", "link-in-text-block"]  # axe's rules that look at colors
RULES = {  # these in both schemes, all others at both widths
    ("light", 1280): {"rules": {}},
    ("dark", 1280): {"runOnly": COLORS},
    ("dark", 390): {"rules": {rule: {"enabled": False} for rule in COLORS}},
}
LATE = re.compile(r"mathjax|scripts/(?:bootstrap|pydata-sphinx-theme)\.js")
# Cumulative layout shift of a page, summed up from its first line to its last; for Web
# Vitals, which take the worst five seconds of it, up to 0.1 is good.
LEAST_SHIFT = 0.02
COMPRESSED = {".html", ".css", ".js", ".json", ".svg", ".txt", ".ipynb", ".xml"}


class Late(Quiet):
    """What may come late comes late: MathJax, its fonts and the theme's own scripts.

    Every page asks for everything, and is told that what it has is still good.
    """

    def do_GET(self) -> None:
        """After a moment, or at once."""
        if LATE.search(self.path):
            time.sleep(0.2)
        super().do_GET()

    def end_headers(self) -> None:
        """Nothing is taken from before without asking, or it would not be late."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


serve = functools.partial(chromium.serve, handler=Late)


@dataclass
class Visit:
    """What a page loaded when it was opened in one view, and its faults by kind.

    `shift` is its cumulative layout shift, see LEAST_SHIFT, where the view is THOROUGH.
    """

    loaded: set[str] = field(default_factory=set)
    shift: float = 0.0
    faults: dict[str, list[str]] = field(default_factory=dict)

    def blame(self, kind: str, what: str) -> None:
        """Note a fault."""
        self.faults.setdefault(kind, []).append(what)


class Reader:
    """Opens pages of a served folder in one view: a color scheme and a width."""

    def __init__(self, browser: Browser, address: str, scheme: str, width: int):
        self.address, self.scheme, self.now = address, scheme, Visit()
        self.thorough = (scheme, width) in THOROUGH
        self.rules = RULES.get((scheme, width))
        context = browser.new_context(
            color_scheme=scheme,
            reduced_motion="reduce",  # a color in transition has no contrast to measure
            viewport={"width": width, "height": 900},
        )
        self.page = context.new_page()
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.now.blame("errors", str(error)))

    def visit(self, name: str) -> Visit:
        """Open a page, unfold what is folded away, and note every fault."""
        self.now, found = Visit(), {}
        self.page.goto(f"{self.address}{name}.html", wait_until="load")
        if self.thorough:
            self.now.shift, jumped = self.page.evaluate(SHIFTS)
            found["shifts"] = jumped if self.now.shift > LEAST_SHIFT else []
        self.page.evaluate(UNFOLD)
        found |= {kind: self.page.evaluate(script) for kind, script in SCRIPTS.items()}
        if self.rules:
            found["access"] = self.page.evaluate(AUDIT, self.rules)
        if self.thorough:
            found["focus"] = self.page.evaluate(FOCUS)
            found["overflow"] += self.beside("overflow")
            found["explorers"] = dead_controls(self.page)
            found["figures"] = boxed_figures(self.page) if self.scheme == "dark" else []
        for kind, faults in found.items():
            for what in faults:
                self.now.blame(kind, what)
        return self.now

    def beside(self, kind: str) -> list[str]:
        """Faults of one kind when the window gets narrower."""
        before = self.page.viewport_size
        width = BESIDE[before["width"]]
        self.page.set_viewport_size({**before, "width": width})
        faults = self.page.evaluate(SCRIPTS[kind])
        self.page.set_viewport_size(before)
        return faults

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.now.blame("other hosts", request.url)

    def _on_response(self, response: Response) -> None:
        if response.url.startswith(self.address):
            name = response.url.removeprefix(self.address).split("?")[0]
            self.now.loaded.add(name)
        if response.status >= 400:
            self.now.blame("missing files", f"{response.status} {response.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        self.now.blame("errors", f"{message.type}: {message.text}")


def weight(folder: Path, name: str) -> int:
    """Bytes on the wire: text as a server compresses it, all else as it is."""
    data = (folder / name).read_bytes()
    text = Path(name).suffix in COMPRESSED
    return len(gzip.compress(data, 6)) if text else len(data)


def dead_controls(page: Page) -> list[str]:
    """Controls of explorers whose picture stays as it is when they are moved."""
    faults = []
    for explorer in page.locator(".gpt-explorer").all():
        picture = explorer.locator(".picture")
        for control in explorer.locator("select, input[type=range]").all():
            before = picture.inner_html()
            if move(control) and picture.inner_html() == before:
                faults.append(control.evaluate("e => e.outerHTML.slice(0, 120)"))
    return faults


def move(control: Locator) -> bool:
    """Choose another value, a slider's by keyboard; False where there is no other."""
    if control.evaluate("e => e.matches('select')"):
        chosen, many = control.evaluate("e => [e.selectedIndex, e.options.length]")
        if many > 1:
            control.select_option(index=(chosen + 1) % many)
        return many > 1
    before = control.input_value()
    for key in ("End", "Home"):
        control.press(key)
        if control.input_value() != before:
            return True
    return False


def boxed_figures(page: Page) -> list[str]:
    """Figures with a corner that does not have the color of the page around it."""
    faults = []
    for figure in page.locator(".bd-article img").all():
        if not figure.is_visible():
            continue
        left, top = figure.evaluate(CORNER)
        clip = {"x": left - 3, "y": top - 3, "width": 6, "height": 6}
        shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
        if len(shot.getcolors()) > 1:
            faults.append(figure.get_attribute("src"))
    return faults


CORNER = """(figure) => {
  figure.scrollIntoView({block: "center"});
  const box = figure.getBoundingClientRect();
  return [Math.round(box.left), Math.round(box.top)];
}"""

# What jumped while the page came, and while one reads to its end: the sum, and what.
SHIFTS = """async () => {
  const sleep = (time) => new Promise((done) => setTimeout(done, time));
  const frame = () => Promise.race([new Promise(requestAnimationFrame), sleep(200)]);
  const seen = [];
  const observer = new PerformanceObserver((list) => seen.push(...list.getEntries()));
  observer.observe({type: "layout-shift", buffered: true});
  // A reader begins when the page has come: assets/a11y.js says when formulas are set.
  const coming = () => document.documentElement.matches(".formulas-to-come");
  for (let tries = 0; coming() && tries < 200; tries++) await sleep(50);
  for (let frames = 0; frames < 5; frames++) await frame();
  for (let top = 0; top < document.documentElement.scrollHeight; top += 900) {
    window.scrollTo(0, top);
    await frame();
    await frame();
  }
  window.scrollTo(0, 0);
  await sleep(50);
  observer.disconnect();
  const name = (e) => `${e.nodeName.toLowerCase()}.${e.className || ""}`;
  const jumped = seen.sort((a, b) => b.value - a.value).slice(0, 4)
    .map((e) => e.value.toFixed(3) + ": " +
      e.sources.map((s) => s.node ? name(s.node) : "gone").join(", "));
  return [seen.reduce((sum, e) => sum + e.value, 0), jumped];
}"""

# What a reader can open is opened, images are fetched wherever they are, formulas set.
UNFOLD = """async () => {
  const each = (selector, what) => document.querySelectorAll(selector).forEach(what);
  each(".bd-article details", (e) => { e.open = true; });
  each(".toggle-hidden", (e) => { e.classList.remove("toggle-hidden"); });
  each("img[loading]", (e) => { e.loading = "eager"; });
  const images = [...document.images].filter((e) => !e.complete)
    .map((e) => new Promise((done) => { e.onload = e.onerror = done; }));
  const math = window.MathJax?.startup?.promise;
  const all = Promise.all([...images, math, document.fonts.ready]);
  await Promise.race([all, new Promise((done) => setTimeout(done, 10000))]);
  for (let frames = 0; frames < 3; frames++) await new Promise((done) => {
    requestAnimationFrame(done);
    setTimeout(done, 200);
  });
}"""

# What axe finds. It takes a millisecond for the contrast of a piece of text, and a page
# is words of code for the most part: of text that looks alike, four pieces are looked
# at. Alike are color, size, weight, and all that it stands on; what is hidden does not
# count.
AUDIT = f"""async (options) => {{
  const numbers = new Map(), ground = new Map(), many = new Map();
  const number = (...key) => {{
    const name = key.join("; ");
    if (!numbers.has(name)) numbers.set(name, numbers.size);
    return numbers.get(name);
  }};
  const says = (e) => {{
    for (let child = e.firstChild; child; child = child.nextSibling)
      if (child.nodeType === Node.TEXT_NODE && child.data.trim()) return true;
    return false;
  }};
  for (const e of document.querySelectorAll("*")) {{
    const look = getComputedStyle(e), below = ground.get(e.parentElement);
    ground.set(e, number(below, look.position, look.zIndex, look.backgroundColor,
      look.backgroundImage, look.opacity, look.filter, look.mixBlendMode));
    const seen = e.checkVisibility({{opacityProperty: true, visibilityProperty: true}});
    if (!seen || !says(e)) continue;
    const kind = number(ground.get(e), look.color, look.fontSize, look.fontWeight,
      look.textShadow, "text");
    many.set(kind, (many.get(kind) ?? 0) + 1);
    if (many.get(kind) > 4) e.dataset.alike = "";
  }}
  {AXE_SCRIPT};
  axe.configure({{rules: [{{id: "color-contrast", selector: ":not([data-alike])"}}]}});
  const all = {{resultTypes: ["violations"], preload: false, ...options}};
  const found = await axe.run(all);
  return found.violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .flatMap((v) => v.nodes.map((n) => [v.id, n.target, n.html.slice(0, 120)]))
    .map((fault) => fault.join(" "));
}}"""

# Each returns a list of faults.
SCRIPTS = {
    "images": """() => [...document.images]
      .filter((e) => !e.naturalWidth).map((e) => e.src)""",
    # Without width and height, text jumps when the figure arrives.
    "sizes": """() => [...document.querySelectorAll(".bd-article img")]
      .filter((e) => !e.getAttribute("width") || !e.getAttribute("height"))
      .map((e) => e.src)""",
    "overflow": """() => {
      const wide = document.documentElement.scrollWidth, room = window.innerWidth;
      if (wide <= room) return [];
      const names = [...document.querySelectorAll("main *")]
        .filter((e) => e.getBoundingClientRect().right > room + 1)
        .map((e) => e.tagName.toLowerCase() + "." + e.className);
      return [`${wide} px in a window of ${room}: ` + names.slice(0, 4).join(", ")];
    }""",
    # An aside is in the margin where there is one and else below; none lies on another.
    "notes": r"""() => {
      const wide = window.innerWidth >= 1280, faults = [];
      let end = 0;
      for (const note of document.querySelectorAll("aside.margin")) {
        const box = note.getBoundingClientRect();
        const column = note.parentElement.getBoundingClientRect();
        const beside = box.left >= column.right && box.right <= window.innerWidth;
        if (beside !== wide || box.top < end) faults.push(note.textContent);
        end = box.bottom;
      }
      const left = [...document.querySelectorAll("blockquote")]
        .filter((e) => e.textContent.trim().startsWith("Aside."));
      return faults.concat(left.map((e) => e.textContent));
    }""",
    # TeX that is not set, or not understood; MathJax loaded where there is no formula.
    "formulas": """() => {
      const formulas = [...document.querySelectorAll(".math")];
      const raw = formulas.filter((e) => !e.querySelector("mjx-container"));
      const bad = [...document.querySelectorAll("mjx-merror")];
      const idle = !formulas.length && window.MathJax?.version;
      return [...raw, ...bad].map((e) => e.textContent.slice(0, 80))
        .concat(idle ? ["MathJax is loaded and there is no formula"] : []);
    }""",
    # On a wide screen, code whose lines have at most 88 characters needs no scrolling.
    "code": r"""() => [...document.querySelectorAll(".cell pre")]
      .filter((e) => e.closest(".highlight-python, .highlight-ipython3"))
      .filter((e) => window.innerWidth >= 1280 && e.scrollWidth > e.clientWidth)
      .filter((e) => !/.{89}/.test(e.textContent))
      .map((e) => e.textContent.slice(0, 80))""",
    "icons": """() => [...document.querySelectorAll("i[class*='fa-']")]
      .filter((e) => !/[^\\x00-\\x7f]/.test(getComputedStyle(e, "::before").content))
      .map((e) => e.className)""",
}
# What the keyboard cannot reach; what does not show that it is there. A model that is
# loaded when a reader enters a field is not loaded by this: no part hears of it.
FOCUS = """() => {
  const hush = (event) => event.stopImmediatePropagation();
  window.addEventListener("focus", hush, true);
  const ringed = (style) => style.outlineStyle !== "none" &&
    parseFloat(style.outlineWidth) >= 2;
  const look = (e) => {  // the ring may be around a part of it
    const styles = [e, ...e.children].map((part) => getComputedStyle(part));
    const sides = [styles[0].boxShadow, styles[0].borderColor].join();
    return [styles.some(ringed), sides];
  };
  const faults = [], before = document.activeElement;
  const all = "a[href], button, select, input, textarea, summary, [tabindex='0']";
  for (const control of document.querySelectorAll(all)) {
    const explores = control.closest(".gpt-explorer");
    const seen = control.checkVisibility({visibilityProperty: true});
    if (control.disabled || !seen || (control.tabIndex < 0 && !explores)) continue;
    document.activeElement.blur();
    const plain = look(control)[1];
    control.focus({focusVisible: true, preventScroll: true});
    const [ring, changed] = look(control);
    const reached = document.activeElement === control && control.tabIndex >= 0;
    if (!reached || !(ring || changed !== plain))
      faults.push((reached ? "no ring: " : "out of reach: ") +
        control.outerHTML.slice(0, 120));
  }
  before.focus({preventScroll: true});
  window.removeEventListener("focus", hush, true);
  return faults;
}"""
KINDS = [
    "errors",
    "other hosts",
    "missing files",
    *SCRIPTS,
    "focus",
    "access",
    "shifts",
    "explorers",
    "figures",
]


def main(folder: str, shots: str, *names: str) -> None:
    """Print the faults of pages in every view, and save a picture of each."""
    Path(shots).mkdir(exist_ok=True)
    with chromium.chromium() as browser, serve(Path(folder)) as address:
        for scheme, width in VIEWS:
            reader = Reader(browser, address, scheme, width)
            for name in names:
                faults = reader.visit(name).faults
                print(name, scheme, width, json.dumps(faults, indent=1))
                shot = f"{name.replace('/', '_')}_{scheme}_{width}.png"
                reader.page.screenshot(path=Path(shots, shot), full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
