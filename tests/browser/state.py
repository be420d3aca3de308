"""Ask the kernel behind a page for its state, and check a page's layout."""

import json
import time

from playwright.sync_api import Page

ASK = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const request = kernel.requestExecute({code});
    let said = '';
    request.onIOPub = message => { said += message.content.text ?? message.content.evalue ?? ''; };
    await request.done;
    return said;
}"""

# The parts of an output that stick out on its right.
STICKING_OUT = """output => [...output.querySelectorAll('*')]
    .filter(part => part.getBoundingClientRect().right > output.getBoundingClientRect().right + 1)
    .map(part => part.outerHTML)
"""


def state(page: Page, expression: str) -> object:
    """The value of a Python expression in the notebook's kernel."""
    return json.loads(page.evaluate(ASK, f"import json; print(json.dumps({expression}))"))


def expect_state(page: Page, expression: str, expected: object, seconds: float = 5) -> None:
    """Wait until the values are equal: a page holds changes back while the kernel is busy."""
    end = time.monotonic() + seconds
    while (found := state(page, expression)) != expected and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert found == expected


def make_narrow(page: Page) -> None:
    """Make JupyterLab as narrow as an upright phone, and wait until the new layout has come to rest."""
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function(
        """async () => {
            const sizes = () => [...document.querySelectorAll('.jp-NotebookPanel, .jp-OutputArea-output')]
                .flatMap(part => [part.clientWidth, part.clientHeight]).join();
            const before = sizes();
            for (let i = 0; i < 10; i++) await new Promise(requestAnimationFrame);
            return document.querySelector('.jp-NotebookPanel').getBoundingClientRect().right <= 360
                && sizes() === before;
        }"""
    )
