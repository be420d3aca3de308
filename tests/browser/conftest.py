"""A private JupyterLab, and Chromium to use it as a person would. Run by `make test-browser`.

JupyterLab serves a temporary copy of ``notebooks/`` on localhost. The browser can reach no other host, as if
offline, and each test ends by checking that there were no console errors and no requests to other hosts.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from pages import NOTEBOOKS, ROOT
from playwright.sync_api import BrowserContext, Page, sync_playwright

HOST = "127.0.0.1"
START_SECONDS = 60
IMPORTS = """\
import numpy as np
from mnist_helpers import *
"""


class Lab:
    """A running JupyterLab: the folder that it serves, and requests to it."""

    def __init__(self, folder: Path, port: int, token: str):
        self.folder, self.url, self.token = folder, f"http://{HOST}:{port}", token

    def request(self, path: str, method: str = "GET") -> object:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def shut_down_kernels(self) -> None:
        for session in self.request("api/sessions"):
            self.request(f"api/sessions/{session['id']}", "DELETE")


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[Lab]:
    folder, own = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    shutil.copytree(ROOT / "notebooks", folder, dirs_exist_ok=True)
    for path in NOTEBOOKS:  # Committed outputs could be mistaken for new ones.
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, folder / path.name)

    lab = Lab(folder, free_port(), secrets.token_hex(16))
    settings = {
        "ServerApp.ip": HOST,
        "ServerApp.port": urlsplit(lab.url).port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": str(folder),
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": lab.token,
        "LabApp.extension_manager": "readonly",
        "LabApp.expose_app_in_browser": True,
    }
    config: dict = {}
    for name, value in settings.items():
        owner, trait = name.split(".")
        config.setdefault(owner, {})[trait] = value
    (own / "jupyter_server_config.json").write_text(json.dumps(config), encoding="utf-8")
    # Default settings, except for the prompt to fetch news from the web.
    (own / "labconfig").mkdir()
    off = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (own / "labconfig" / "page_config.json").write_text(json.dumps(off), encoding="utf-8")
    # Ignore the user's own settings, and leave nothing behind in them.
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | dict.fromkeys(places, str(own))
    environment.pop("MPLBACKEND", None)  # set by the tests; it would display no figures
    log = own / "log.txt"
    with log.open("w") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        wait_until_it_answers(lab, server, log)
        yield lab
    finally:
        server.terminate()
        server.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def wait_until_it_answers(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            lab.request("api/status")
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserContext]:
    """A Chromium context with its cache, shared by all tests so that Lab's files are fetched once."""
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
        yield browser.new_context(viewport={"width": 1024, "height": 768})
        browser.close()


@pytest.fixture
def open_notebook(lab: Lab, browser: BrowserContext) -> Iterator[Callable[[str], Page]]:
    """Open a notebook from Lab's folder in a new page, and wait for its kernel.

    The page gets two extra attributes, the lists `console_errors` and `foreign_requests`.
    """
    pages = []

    def open_notebook(name: str) -> Page:
        page = browser.new_page()
        pages.append(page)
        watch(page)
        page.goto(f"{lab.url}/doc/tree/{name}?token={lab.token}")
        page.wait_for_function(KERNEL_IS_IDLE, timeout=START_SECONDS * 1000)
        return page

    yield open_notebook
    for page in pages:
        page.close()
    lab.shut_down_kernels()
    for page in pages:
        assert page.foreign_requests == []
        assert page.console_errors == []


@pytest.fixture
def open_cell(lab: Lab, open_notebook) -> Callable[[str], Page]:
    """Make a scratch notebook with an imports cell and a cell of the given source, and run it."""

    def open_cell(source: str) -> Page:
        name = f"scratch_{secrets.token_hex(4)}.ipynb"
        cells = [new_code_cell(text) for text in (IMPORTS, source)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), lab.folder / name)
        page = open_notebook(name)
        run_all(page, seconds=60)
        return page

    return open_cell


def watch(page: Page) -> None:
    page.console_errors, page.foreign_requests = [], []

    def note_request(url: str) -> None:
        if urlsplit(url).hostname not in {HOST, None}:  # None: data: and blob: URLs, which ask no host
            page.foreign_requests.append(url)

    def note_message(message) -> None:
        if message.type == "error":
            page.console_errors.append(message.text)

    page.on("request", lambda request: note_request(request.url))
    page.on("websocket", lambda socket: note_request(socket.url))
    page.on("console", note_message)
    page.on("pageerror", lambda error: page.console_errors.append(str(error)))


KERNEL_IS_IDLE = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext?.session;
    return session?.kernel?.connectionStatus === 'connected' && session.kernel.status === 'idle';
}"""
# The promise resolves after the last cell. It stays in the page, so that the test does not hang on it.
RUN_ALL = """() => {
    window.ran = null;
    window.jupyterapp.commands.execute('notebook:run-all-cells').then(done => { window.ran = {done}; });
}"""
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code')
    .map(cell => cell.model.outputs.toJSON())
"""


def run_all(page: Page, seconds: float) -> list[list[dict]]:
    """Run All, as from the menu, and wait until it is done; return the outputs of each code cell."""
    page.evaluate(RUN_ALL)
    page.wait_for_function("() => window.ran", timeout=seconds * 1000)
    page.wait_for_function(KERNEL_IS_IDLE)
    outputs = page.evaluate(OUTPUTS)
    errors = [output for cell in outputs for output in cell if output["output_type"] == "error"]
    assert not errors, "\n".join(errors[0]["traceback"])
    assert page.evaluate("() => window.ran.done"), "not every cell has run"
    return outputs
