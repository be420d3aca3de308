"""A private JupyterLab, the published site, and Chromium to use them as a person would: `make test-browser`.

The browser can reach no other host, as if offline, and each test ends by checking that there were no console
errors and no requests to other hosts. JupyterLab, its page and the site are shared by all tests; each cell
runs in a notebook and a kernel of its own.
"""

import functools
import gzip
import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tools import publish, slides

HOST = "127.0.0.1"
WINDOW = {"width": 1024, "height": 768}
IMPORTS = """\
import numpy as np
from mnist_helpers import load_mnist, load_run, load_splits, one_hot
"""
expect.set_options(timeout=15_000)  # a busy machine may take its time


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserContext]:
    """A Chromium context with its cache, shared by all tests so that files are fetched once."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("the browser tests need `chromium` on the PATH; on Debian: apt-get install chromium")
    arguments = [
        *("--disable-gpu", "--no-first-run", "--no-sandbox"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        # As if offline: requests to other hosts fail.
        f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser.new_context(viewport=WINDOW)
        browser.close()


def watch(page: Page) -> None:
    """Keep `console_errors` and `foreign_requests` of a page, for `expect_no_complaints`."""
    page.console_errors, page.foreign_requests = [], []

    def note_request(url: str) -> None:
        if urlsplit(url).hostname not in {HOST, None}:  # None: data: and blob: URLs, which ask no host
            page.foreign_requests.append(url)

    page.on("request", lambda request: note_request(request.url))
    page.on("websocket", lambda socket: note_request(socket.url))
    page.on("console", lambda message: message.type == "error" and page.console_errors.append(message.text))
    page.on("pageerror", lambda error: page.console_errors.append(str(error)))


def expect_no_complaints(page: Page) -> None:
    assert page.foreign_requests == []
    assert page.console_errors == []


# The site


class Quiet(SimpleHTTPRequestHandler):
    """Sends text compressed, as hosts of pages do."""

    def send_head(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in {".css", ".html", ".js"} or not path.is_file():
            return super().send_head()
        content = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def log_message(self, *args) -> None:
        pass


@functools.cache
def compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder with the site and the slides."""
    folder = tmp_path_factory.mktemp("built")
    publish.make_site(site=folder / "site")
    slides.make_slides(folder / "slides")
    return folder


@pytest.fixture(scope="session")
def address(built) -> Iterator[str]:
    """Serve that folder on localhost, with the site under a subpath."""
    server = ThreadingHTTPServer((HOST, 0), functools.partial(Quiet, directory=built))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HOST}:{server.server_port}/site"
    server.shutdown()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    """An empty page, for the site."""
    context = browser.browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    watch(page)
    yield page
    expect_no_complaints(page)
    context.close()


# JupyterLab


@pytest.fixture(scope="session")
def lab(tmp_path_factory, browser) -> Iterator[tuple[Path, Page]]:
    """The folder that a running JupyterLab serves, and a page that shows it."""
    folder, own = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    # Without news from the web, and without a debugger, which complains when its kernel is gone
    off = ["@jupyterlab/apputils-extension:announcements", "@jupyterlab/debugger-extension"]
    (own / "labconfig").mkdir()
    (own / "labconfig" / "page_config.json").write_text(
        json.dumps({"disabledExtensions": dict.fromkeys(off, True)}), encoding="utf-8"
    )
    # Ignore the user's own settings, and leave nothing behind in them.
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | dict.fromkeys(places, str(own)) | {"JUPYTER_TOKEN": secrets.token_hex(16)}
    environment.pop("MPLBACKEND", None)  # set by the tests; it would display no figures
    command = [
        *(
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--ip={HOST}",
            f"--port={port}",
        ),
        *(f"--ServerApp.root_dir={folder}", "--LabApp.extension_manager=readonly", "--expose-app-in-browser"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as server:
        said = ""
        while f":{port}/lab" not in said:  # it serves
            said += (line := server.stderr.readline())
            if not line:
                pytest.fail(f"JupyterLab did not start:\n{said}")
        threading.Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop it
        page = browser.new_page()
        watch(page)
        page.goto(f"http://{HOST}:{port}/doc?token={environment['JUPYTER_TOKEN']}")
        page.wait_for_function("() => window.jupyterapp?.restored")
        yield folder, page
        page.close()
        server.terminate()


# The page keeps what came of it, so that a test does not hang on it.
RUN_ALL = """path => {
    const {commands, shell} = window.jupyterapp;
    const run = async () => {
        if (path) await commands.execute('docmanager:open', {path});
        await shell.currentWidget.sessionContext.ready;
        const done = await commands.execute('notebook:run-all-cells');
        const {widgets} = shell.currentWidget.content;
        const outputs = widgets.flatMap(cell => cell.model.outputs?.toJSON() ?? []);
        window.ran = {done, errors: outputs.filter(output => output.output_type === 'error')};
    };
    window.ran = null;
    run();
}"""
CLOSE = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel?.sessionContext?.shutdown();
    panel?.dispose();
}"""


@pytest.fixture
def open_cell(lab) -> Iterator[Callable[[str], Page]]:
    """Make a scratch notebook with an imports cell and a cell of the given source, and run it."""
    folder, page = lab

    def open_cell(source: str) -> Page:
        name = f"scratch_{secrets.token_hex(4)}.ipynb"
        cells = [new_code_cell(text) for text in (IMPORTS, source)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), folder / name)
        run_all(page, name)
        return page

    yield open_cell
    page.evaluate(CLOSE)
    page.set_viewport_size(WINDOW)
    try:
        expect_no_complaints(page)
    finally:
        page.console_errors.clear()
        page.foreign_requests.clear()


def run_all(page: Page, name: str | None = None) -> None:
    """Run All, as from the menu, in the open notebook or another."""
    page.evaluate(RUN_ALL, name)
    ran = page.wait_for_function("() => window.ran", timeout=60_000).json_value()
    assert not ran["errors"], "\n".join(ran["errors"][0]["traceback"])
    assert ran["done"], "not every cell has run"
