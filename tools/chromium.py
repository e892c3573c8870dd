"""An installed Chromium with the network cut, and a folder served to it."""

import contextlib
import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HOW_TO_GET_ONE = (
    "no Chromium found: `playwright install chromium` brings one "
    "(on Debian also `apt-get install chromium`); then run the tests again"
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The network is cut below everything that a page could try.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def do_GET(self) -> None:
        """As it is; a browser may leave a page before all of it has come."""
        with contextlib.suppress(BrokenPipeError):
            super().do_GET()

    def log_message(self, *_):
        """Nothing."""


@contextlib.contextmanager
def serve(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """Serve a folder on a free port of this machine; yields its address."""
    files = functools.partial(handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
    seconds = 0.05  # between two looks at whether to stop
    threading.Thread(target=server.serve_forever, args=(seconds,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def find_chromium(own: str) -> str | None:
    """An installed browser; `own` is where Playwright would keep one of its own."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    places = [own, *map(os.path.expandvars, PLACES)]
    return next((place for place in places if Path(place).exists()), None)


@contextlib.contextmanager
def chromium() -> Iterator[Browser | None]:
    """A running browser, or None where there is none to run."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        if path is None:
            yield None
            return
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
