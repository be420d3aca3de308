"""Links lead to files and headings that are there. Links to other sites are not followed."""

import functools
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from pages import FOLDER, PAGES, README, ROOT, headings, links, markdown_of


@functools.cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings: as in Jupyter for a notebook, as on GitHub for Markdown."""
    names = [text for _, text in headings(markdown_of(page))]
    if page.suffix == ".ipynb":
        return {name.replace(" ", "-") for name in names}
    return {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in names}


def broken_links(markdown: str, page: Path) -> list[str]:
    """A page's links to files or headings that do not exist. Links to other sites are not followed."""
    broken = []
    for link in links(markdown):
        file, _, anchor = link.partition("#")
        target = page.parent / unquote(file) if file else page
        elsewhere = re.match("[a-z]+:", link)
        if not elsewhere and (not target.exists() or (anchor and unquote(anchor) not in anchors(target))):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    assert not broken_links(markdown_of(page), page)


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (README, "notebooks/02_mpl.ipynb"),
        (README, "#starting"),
        (FOLDER / "02_mlp.ipynb", "#Exercise"),
        (FOLDER / "index.md", "02_mlp.ipynb#exercises"),  # in Jupyter it is #Exercises
    ],
)
def test_broken_link_is_noticed(page, link):
    good = "#start" if page == README else "02_mlp.ipynb#Exercises"
    assert broken_links(f"[good]({good}) [other site](https://x.org) `[code](x)` [bad]({link})", page) == [
        link
    ]
