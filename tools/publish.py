"""Build what is published: ``python -m tools.publish site``, ``student``, ``slides`` or ``pdf``.

``site``     the notebooks, with their committed outputs, as a website under build/site/, with all that can be
             downloaded: archives for students and for teachers, slides and, where Chromium is, the PDF
``student``  the notebooks without solutions or outputs, and the package, as one archive in build/student/
``slides``   a slide deck for each notebook, under build/slides/
``pdf``      the whole course as build/course.pdf
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import docutils_namespace, patch_docutils

from mnist_helpers.files import write_whole
from tools.archives import make_archives, make_colab, make_student
from tools.course import BUILD, ROOT
from tools.files import whole_folder
from tools.handouts import print_handouts
from tools.launch_buttons import settings as launch_settings
from tools.slides import make_slides

SETTINGS = ROOT / "tools" / "site"  # conf.py, and what the pages need beside the theme
PAGE_NUMBER = '<p style="width: 100%; text-align: center; font: 9px sans-serif" class="pageNumber"></p>'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = {"site": make_site_and_pdf, "student": make_student, "slides": make_slides, "pdf": make_pdf}
    parser.add_argument("command", choices=commands)
    command = parser.parse_args().command
    try:
        print(commands[command]())
    except (OSError, SphinxError, ValueError) as error:
        sys.exit(f"make {command}: {error}")


def make_site_and_pdf() -> Path:
    """Build the site while another process prints the PDF, and what Colab opens if it has a branch for it."""
    _, _, colab = launch_settings()  # Before all: its error is the quickest.
    if colab:
        make_colab()
    if not shutil.which("chromium"):
        return make_site()
    command = [sys.executable, "-m", "tools.publish", "pdf"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as printing:
        return make_site(pdf=cache(lambda: Path(printing.communicate()[0].strip())))


def make_site(
    notebooks: Path = ROOT / "notebooks",
    site: Path = BUILD / "site",
    builder: str = "html",
    settings: Path = SETTINGS,
    pdf: Callable[[], Path] | None = None,
) -> Path:
    """Build a site from a folder of notebooks and their existing outputs. Warnings are errors.

    The PDF is asked for last of all, so that it can be printed meanwhile.
    """
    launch_settings()  # Within Sphinx its error would become a traceback.
    with (
        whole_folder(site) as draft,
        tempfile.TemporaryDirectory() as doctrees,
        patch_docutils(settings),
        docutils_namespace(),
    ):
        app = Sphinx(
            *(notebooks, settings, draft, doctrees, builder), status=None, freshenv=True, warningiserror=True
        )
        app.connect("doctree-resolved", partial(offer, draft, pdf))
        app.build()
        if app.statuscode:
            raise SphinxError("the site has warnings, see above; the old one, if any, is unchanged")
    return site / "index.html"


def put_downloads(site: Path) -> None:
    """Put beside the pages what can be taken away: the archives and the slides."""
    make_archives(site / "downloads")
    make_slides(site / "slides", static="../_static/")


def offer(
    site: Path, pdf: Callable[[], Path] | None, app: Sphinx, doctree: nodes.document, page: str
) -> None:
    """Say at each link to a download how large it is, and leave out what was not made."""
    for item in list(doctree.findall(nodes.list_item)):
        for link in item.findall(nodes.raw):
            if found := re.match(r'<a href="(?:\.\./)?((?:downloads|slides)/[^"]+)"', link.astext()):
                file = site / found[1]
                if file.suffix == ".pdf" and pdf and (printed := pdf().parent / file.name).is_file():
                    shutil.copy(printed, file)
                if not file.exists():
                    item.parent.remove(item)
                elif file.parent.name == "downloads":
                    link.parent.insert(link.parent.index(link) + 3, nodes.Text(f" ({size_of(file)})"))


def size_of(file: Path) -> str:
    size = file.stat().st_size
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def make_pdf() -> Path:
    """Print the course, with tags and an outline, from the single-page build, and the handouts."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError("the PDF needs `chromium` on the PATH; on Debian: apt-get install chromium")
    page_file = make_site(site=BUILD / "single", builder="singlehtml")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.emulate_media(media="print")
        page.add_script_tag(path=ROOT / "tools" / "print.js")
        titles = page.evaluate("prepareForPrint()")
        with write_whole(BUILD) as drafts:
            page.pdf(
                path=drafts / "course.pdf",
                format="A4",
                print_background=True,
                scale=0.75,
                tagged=True,
                outline=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=PAGE_NUMBER,
                margin=dict.fromkeys(("top", "right", "bottom", "left"), "18mm"),
            )
            name_outline(drafts / "course.pdf", titles)
            print_handouts(browser.new_page(), drafts)
        browser.close()
    return BUILD / "course.pdf"


def name_outline(file: Path, titles: list[str]) -> None:
    """Set the titles in a PDF's outline: Chromium runs words of two lines together, or repeats a title.

    The entries are appended with a table that says where they are, as the format provides for changes.
    """
    from pypdf import PdfReader
    from pypdf.generic import NameObject, NumberObject, TextStringObject

    def entries(parent):
        reference = parent.get("/First") and parent.raw_get("/First")
        while reference:
            entry = reference.get_object()
            yield reference.idnum, entry
            yield from entries(entry)
            reference = entry.get("/Next") and entry.raw_get("/Next")

    content, table, added = file.read_bytes(), b"xref\n", io.BytesIO()
    added.write(content)
    reader = PdfReader(io.BytesIO(content))
    for (number, entry), title in zip(entries(reader.root_object["/Outlines"]), titles, strict=True):
        entry[NameObject("/Title")] = TextStringObject(title)
        table += b"%d 1\n%010d 00000 n \n" % (number, added.tell())
        added.write(b"%d 0 obj\n" % number)
        entry.write_to_stream(added)
        added.write(b"\nendobj\n")
    place = added.tell()
    reader.trailer[NameObject("/Prev")] = NumberObject(int(content.split()[-2]))
    added.write(table + b"trailer\n")
    reader.trailer.write_to_stream(added)
    added.write(b"\nstartxref\n%d\n%%%%EOF\n" % place)
    file.write_bytes(added.getvalue())


if __name__ == "__main__":
    main()
