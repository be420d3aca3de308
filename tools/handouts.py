"""A handout for each lesson, one sheet of A4: idea, sketch, the line to remember, questions, room to write.

On it are the section *Handout* of the lesson's page in the teacher's guide, and the sketch of that page.
"""

from __future__ import annotations

import base64
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tools.course import NOTEBOOKS, ROOT, read, title
from tools.mathml import with_mathml
from tools.minutes import COMMENT
from tools.slides import TEMPLATES

if TYPE_CHECKING:
    from playwright.sync_api import Page

GUIDE = ROOT / "notebooks" / "teaching"


def print_handouts(page: Page, folder: Path) -> None:
    """Print the handouts with a page of Chromium, one PDF for each lesson that the guide has a page for."""
    for path in (path for path in NOTEBOOKS if (GUIDE / f"{path.stem}.md").exists()):
        page.set_content(handout(path))
        page.pdf(path=folder / f"handout-{path.stem}.pdf", prefer_css_page_size=True, tagged=True)


def handout(notebook: Path) -> str:
    """The handout of a lesson as HTML, with its sketch in it."""
    guide = (GUIDE / f"{notebook.stem}.md").read_text(encoding="utf-8")
    text = COMMENT.sub("", guide.partition("\n## Handout\n")[2].partition("\n## ")[0])
    text = text.partition("\n**Answers.**")[0]
    alt, sketch = re.search(r"!\[([^\]]+)\]\((.+\.svg)\)", guide).groups()
    picture = base64.b64encode((GUIDE / sketch).read_bytes()).decode()
    template = (TEMPLATES / "handout.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": f"{notebook.stem[:2]} {escape(title(read(notebook)))}",
        "SKETCH": f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{picture}">',
        "TEXT": MarkdownIt("commonmark", {"html": True}).render(with_mathml(text)),
    }
    return re.sub("|".join(parts), lambda name: parts[name[0]], template)
