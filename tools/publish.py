"""Build what is published: ``python -m tools.publish site``, ``student``, ``slides`` or ``pdf``.

``site``     the notebooks, with their committed outputs, as a website under build/site/, with all that can be
             downloaded: archives for students and for teachers, slides and, where Chromium is, the PDF
``student``  the notebooks without solutions or outputs, and the package, as one archive in build/student/
``slides``   a slide deck for each notebook, under build/slides/
``pdf``      the whole course as build/course.pdf
"""

import argparse
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import docutils_namespace, patch_docutils

from mnist_helpers.files import write_whole
from tools.course import BUILD, NETWORKS, NOTEBOOKS, ROOT, STUDIES, read, tags
from tools.files import whole_folder
from tools.launch_buttons import launch_buttons
from tools.slides import TEMPLATES, make_slides

SETTINGS = ROOT / "tools" / "site"  # conf.py, and what the pages need beside the theme
# What goes into the student edition besides the notebooks: what is listed, not what happens to be there.
PACKED = (
    *("LICENSE", "environment.yml", "pyproject.toml", "requirements.txt"),
    *("notebooks/glossary.md", "notebooks/references.md", "mnist_helpers/mnist.npz"),
    *("mnist_helpers/[!.]*.py", "mnist_helpers/widgets/[!.]*.py", "mnist_helpers/widgets/js/[!.]*.js"),
    *(f"mnist_helpers/reference/{network}.{kind}" for network in NETWORKS for kind in ("keras", "json")),
    *(f"mnist_helpers/reference/{study}.json" for study in [*STUDIES, "training_times"]),
)
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
    from playwright.sync_api import Error as PlaywrightError

    launch_buttons()  # Before the PDF is made: its error is the quickest.
    if shutil.which("chromium"):
        try:
            make_pdf()
        except PlaywrightError as error:
            print(f"without the PDF: {error}", file=sys.stderr)
    return make_site()


def make_site(
    notebooks: Path = ROOT / "notebooks",
    site: Path = BUILD / "site",
    builder: str = "html",
    settings: Path = SETTINGS,
) -> Path:
    """Build a site from a folder of notebooks and their existing outputs. Warnings are errors."""
    launch_buttons()  # Within Sphinx its error would become a traceback.
    with (
        whole_folder(site) as draft,
        tempfile.TemporaryDirectory() as doctrees,
        patch_docutils(settings),
        docutils_namespace(),
    ):
        app = Sphinx(
            *(notebooks, settings, draft, doctrees, builder), status=None, freshenv=True, warningiserror=True
        )
        app.build()
        if app.statuscode:
            raise SphinxError("the site has warnings, see above; the old one, if any, is unchanged")
    return site / "index.html"


def make_student(archive: Path = BUILD / "student" / "handwriting.zip") -> Path:
    """Write the archive for students. It unpacks into one folder."""
    return make_archive(archive, "student", {path: for_students(read(path)) for path in NOTEBOOKS})


def make_teacher(archive: Path) -> Path:
    """Write the archive for teachers: with solutions and outputs."""
    return make_archive(archive, "teacher", {path: read(path) for path in NOTEBOOKS})


def make_archive(archive: Path, edition: str, notebooks: dict[Path, NotebookNode]) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    folder = archive.stem
    with (
        write_whole(archive.parent) as drafts,
        zipfile.ZipFile(drafts / archive.name, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for path, notebook in notebooks.items():
            file.writestr(f"{folder}/notebooks/{path.name}", nbformat.writes(notebook) + "\n")
        for path in packed():
            file.write(path, f"{folder}/{path.relative_to(ROOT).as_posix()}")
        readme = [TEMPLATES / name for name in (f"{edition}_readme.md", "install.md")]
        text = "\n".join(part.read_text(encoding="utf-8") for part in readme)
        file.writestr(f"{folder}/README.md", text)
    return archive


def put_downloads(site: Path) -> None:
    """Put beside the pages what can be taken away: archives, slides, and the PDF if it is not older."""
    make_student(site / "downloads" / "handwriting.zip")
    make_teacher(site / "downloads" / "handwriting-teacher.zip")
    make_slides(site / "slides")
    pdf = BUILD / "course.pdf"
    if pdf.exists() and pdf.stat().st_mtime > max(path.stat().st_mtime for path in NOTEBOOKS):
        shutil.copy(pdf, site / "downloads")


def packed() -> list[Path]:
    """The files that `PACKED` lists."""
    found = {pattern: sorted(ROOT.glob(pattern)) for pattern in PACKED}
    if missing := [pattern for pattern, paths in found.items() if not paths]:
        raise FileNotFoundError(f"{', '.join(missing)} missing; `git status` tells what became of it")
    return [path for paths in found.values() for path in paths]


def for_students(notebook: NotebookNode) -> NotebookNode:
    """Remove the solutions and all outputs."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in tags(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def make_pdf() -> Path:
    """Print the whole course, with tags and an outline, from the single-page build of the site."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError("the PDF needs `chromium` on the PATH; on Debian: apt-get install chromium")
    page_file = make_site(site=BUILD / "single", builder="singlehtml")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.evaluate(
            """async () => {
                document.querySelectorAll("details").forEach((fold) => fold.open = true);
                document.querySelectorAll("img").forEach((image) => image.loading = "eager");
                await Promise.all([...document.images].map((image) => image.decode()));
            }"""
        )
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
        browser.close()
    return BUILD / "course.pdf"


if __name__ == "__main__":
    main()
