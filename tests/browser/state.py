"""Ask the kernel behind a page for its state, and check a page's layout."""

from playwright.sync_api import Page

# Ask until the kernel gives what is expected: a page holds changes back while the kernel is busy.
ASK = """async ([code, expected]) => {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    const end = Date.now() + 5000;
    let found;
    do {
        let said = "";
        const request = kernel.requestExecute({ code });
        request.onIOPub = ({ content }) => { said += content.text ?? content.evalue ?? ""; };
        await request.done;
        found = JSON.parse(said);
    } while (expected && JSON.stringify(found) !== JSON.stringify(expected[0]) && Date.now() < end);
    return found;
}"""

# The parts of an output that stick out on its right.
STICKING_OUT = """output => [...output.querySelectorAll('*')]
    .filter(part => part.getBoundingClientRect().right > output.getBoundingClientRect().right + 1)
    .map(part => part.outerHTML)
"""


def state(page: Page, expression: str, *expected: object) -> object:
    """The value of a Python expression in the notebook's kernel."""
    return page.evaluate(ASK, [f"import json; print(json.dumps({expression}))", expected or None])


def expect_state(page: Page, expression: str, expected: object) -> None:
    """Wait until the values are equal."""
    assert state(page, expression, expected) == expected


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
