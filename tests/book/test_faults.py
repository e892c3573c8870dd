"""A page with each kind of fault, so that no check of the pages passes by looking away.

These need no site: they run while another worker builds it.
"""

import pytest

from tests.helpers.browser import KINDS, THOROUGH, VIEWS, Reader, serve

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
    "shifts": "<p style='height: 300px'>late</p><script>addEventListener('load', () => "
    "requestAnimationFrame(() => setTimeout(() => "  # what was never seen cannot jump
    "document.querySelector('h1').style.margin = '400px 0', 20)))</script>",
    "focus": "<a href='sound.html' style='outline: none'>nowhere to be seen</a>",
    "access": "<p style='color: #aaa; background: #fff'>faint</p>",
    "sizes": "<article class='bd-article'>"
    f'<img alt="a" src="data:image/svg+xml,{RED}"></article>',
    "notes": "<p>a</p><aside class='margin' role='note'>below, not beside</aside>",
    "explorers": "<div class='gpt-explorer'><label>a <input type='range'></label>"
    "<div class='picture'>still</div></div>",
    "figures": "<article class='bd-article' style='padding: 9px'>"
    f'<img alt="a" width="50" src="data:image/svg+xml,{RED}"></article>',
}
WHOLE = (
    "<!doctype html><html lang='en'><head><title>a</title></head>"
    "<body><main><h1>a</h1>{}</main></body></html>"
)


WIDE = {view for view in VIEWS if view[1] == 1280}
SEEN_IN = {  # all other kinds in every view
    "code": WIDE,
    "notes": WIDE,  # on a phone its place is below
    "access": WIDE,  # this one, of contrast
    "focus": {*THOROUGH},
    "shifts": {*THOROUGH},
    "explorers": {*THOROUGH},
    "figures": {("dark", 390)},
}
# Faults that some readers meet: by kind and page, what stands there, and who meets it.
MANY = "<p>plain</p>" * 9 + "<p style='color: #aaa'>faint</p>" + "<p>plain</p>" * 9
PARTIAL = {
    ("access", "faint in the dark"): (
        "<style>@media (prefers-color-scheme: dark) { p { color: #aaa } }</style>"
        "<p>faint</p>",
        {("dark", 1280)},
    ),
    ("access", "faint by day"): (
        "<style>@media (prefers-color-scheme: light) { p { color: #aaa } }</style>"
        "<p>faint</p>",
        {("light", 1280)},
    ),
    ("access", "one of many"): (MANY, WIDE),
    ("access", "a link like its text"): (
        "<p>In this sentence <a href='sound.html' style='color: #222; "
        "text-decoration: none'>a link</a> cannot be told from it.</p>",
        WIDE,
    ),
    ("access", "no name"): ("<button></button>", {*THOROUGH}),
    ("overflow", "on a phone"): (
        "<p style='width: 500px'>wide</p>",
        {("light", 390), ("dark", 390)},
    ),
    ("overflow", "on a tablet"): (
        "<style>@media (max-width: 800px) and (min-width: 700px) { p { width: 900px } }"
        "</style><p>wide</p>",
        {("light", 1280)},
    ),
    **{
        ("errors", f"{scheme} {width}"): (
            f"<script>if (matchMedia('(prefers-color-scheme: {scheme})').matches && "
            f"innerWidth === {width}) undefined_function()</script>",
            {(scheme, width)},
        )
        for scheme, width in VIEWS
    },
}


@pytest.fixture(scope="module")
def controls(browser, tmp_path_factory):
    """Readers of a folder with a page for each kind of fault, and a sound one."""
    folder = tmp_path_factory.mktemp("controls")
    partial = {name: body for (_, name), (body, _) in PARTIAL.items()}
    for name, body in {**FAULTY, **partial, "sound": "<p>a</p>"}.items():
        (folder / f"{name}.html").write_text(WHOLE.format(body), encoding="utf-8")
    with serve(folder) as address:
        yield {view: Reader(browser, address, *view) for view in VIEWS}


def finders(kind: str, name: str, controls: dict) -> set[tuple[str, int]]:
    """The views in which a page has a fault of a kind."""
    return {view for view, it in controls.items() if it.visit(name).faults.get(kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_check_can_fail(kind, controls):
    assert finders(kind, kind, controls) == SEEN_IN.get(kind, {*VIEWS})


@pytest.mark.parametrize("kind, name", PARTIAL)
def test_a_fault_that_only_some_readers_meet_is_found(kind, name, controls):
    assert finders(kind, name, controls) == PARTIAL[kind, name][1]


def test_a_sound_page_passes_every_check(controls):
    for view, reader in controls.items():
        assert not reader.visit("sound").faults, view
