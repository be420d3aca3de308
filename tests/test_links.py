"""Links lead to files and headings that are there. Links to other sites are not followed."""

import functools
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from pages import FOLDER, PAGES, README, headings, label, links, markdown_of

from tools.course import ROOT


@functools.cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings: as in Jupyter for a notebook, as on GitHub for Markdown."""
    names = [text for _, text in headings(markdown_of(page))]
    if page.suffix == ".ipynb":
        return {name.replace(" ", "-") for name in names}
    return {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in names}


def leads_somewhere(link: str, page: Path) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / unquote(file) if file else page
    if re.match("[a-z]+:", link) or link.startswith("../downloads/"):  # made with the site, and tested there
        return True
    return target.exists() and (not anchor or unquote(anchor) in anchors(target))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=label)
def test_links_lead_somewhere(page):
    assert not [link for link in links(markdown_of(page)) if not leads_somewhere(link, page)]


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (README, "notebooks/02_mpl.ipynb"),
        (README, "#starting"),
        (FOLDER / "index.md", "02_mlp.ipynb#exercises"),  # in Jupyter it is #Exercises
    ],
)
def test_broken_link_is_noticed(page, link):
    assert not leads_somewhere(link, page)
