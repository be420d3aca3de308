"""Each notebook of the course, opened in JupyterLab and run from top to bottom."""

import re

import pytest
from pages import NOTEBOOKS
from playwright.sync_api import expect

from browser.conftest import run_all

SECONDS = 400  # per notebook; most take a tenth of that
# Brings each cell into view in turn, so that its output is drawn.
SCROLL_THROUGH = """async () => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    for (let i = 0; i < notebook.widgets.length; i++) {
        await notebook.scrollToItem(i);
        await new Promise(requestAnimationFrame);
    }
}"""


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_notebook_runs_through(name, open_notebook):
    page = open_notebook(name)
    outputs = run_all(page, SECONDS)
    assert not [output for cell in outputs for output in cell if output.get("name") == "stderr"]
    page.evaluate(SCROLL_THROUGH)
    expect(page.get_by_text(re.compile("Error displaying widget|Loading widget"))).to_have_count(0)
