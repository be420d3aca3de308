"""What can be taken away, and where the buttons lead: archives, what Colab opens, and addresses."""

import re
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
import yaml
from pages import links, markdown_of
from test_links import leads_somewhere

from tools import archives, publish
from tools.course import NOTEBOOKS, ROOT, read, tags, title
from tools.launch_buttons import buttons, launch_links

REPOSITORY = "https://github.com/you/handwriting"
EVERYWHERE = {
    "COURSE_REPOSITORY": f"{REPOSITORY}.git/",
    "COURSE_COLAB": "colab",
    "COURSE_JUPYTERHUB": "https://hub.school.org/",
}
EDITIONS = ["handwriting", "handwriting-teacher", *(f"handwriting-{path.stem}" for path in NOTEBOOKS)]
MAKE = "|".join(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_edition = pytest.mark.parametrize("edition", EDITIONS)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """A folder in which every archive of the site was unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    publish.make_archives(folder)
    for file in folder.glob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            assert {name.partition("/")[0] for name in archive.namelist()} == {file.stem}
            archive.extractall(folder)
    return folder


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@each_edition
def test_archive_has_the_package_beside_its_notebooks(unpacked, edition):
    found = files_in(unpacked / edition)
    names = {path.name for path in NOTEBOOKS}
    of_edition = names & {f"{edition.partition('-')[2]}.ipynb"} or names
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mnist_helpers").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    pages = {"README.md", "LICENSE", "requirements.txt", "glossary.md", "references.md"}
    assert found == package | of_edition | pages
    readme = (unpacked / edition / "README.md").read_text(encoding="utf-8")
    assert f"jupyter lab {min(of_edition)}\n" in readme and "INSTALL" not in readme


def test_only_what_is_listed_is_packed(monkeypatch):
    left_over = Path("mnist_helpers/reference/left_over.json")
    assert not any(left_over.match(pattern) for pattern in archives.PACKED)
    monkeypatch.setattr(archives, "PACKED", ("LICENSE", "mnist_helpers/gone.*"))
    with pytest.raises(FileNotFoundError, match=r"mnist_helpers/gone\.\* missing"):
        archives.packed()


def test_notebook_finds_the_package_beside_it(unpacked, python, monkeypatch):
    monkeypatch.chdir(unpacked / "handwriting-05_evaluation")
    program = (
        "import mnist_helpers as m; print(m.__file__); m.load_splits('flat'); m.load_results('ablation')"
    )
    found = python(program)
    assert (Path(found.stdout.strip()).parent, found.stderr) == (Path.cwd() / "mnist_helpers", "")


@each_notebook
def test_students_get_exercises_without_solutions_or_outputs(unpacked, path):
    cells = nbformat.read(unpacked / "handwriting" / path.name, as_version=4).cells
    left = [cell.source for cell in read(path).cells if "solution" not in tags(cell)]
    assert [cell.source for cell in cells] == left
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@each_notebook
def test_teachers_and_readers_of_one_notebook_get_solutions_and_outputs(unpacked, path):
    assert nbformat.read(unpacked / "handwriting-teacher" / path.name, as_version=4) == read(path)
    alone = nbformat.read(unpacked / f"handwriting-{path.stem}" / path.name, as_version=4).cells
    same = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell for cell in alone if cell.cell_type == "code"] == same
    readme = (unpacked / f"handwriting-{path.stem}" / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {path.stem[:2]} {title(read(path))}\n")


def dangling(text: str, folder: Path, edition: str) -> list[str]:
    """What a text speaks of that is not in its archive: commands, files and, for students, solutions."""
    found = re.findall(rf"`make (?:{MAKE})\b[^`]*`", text)
    names = re.findall(r"`([\w./-]+\.(?:cfg|ipynb|js|json|md|npz|png|py|toml|txt|yml))`", text)
    found += [name for name in names if not any(file.endswith(name) for file in files_in(folder))]
    found += re.findall(r"\bsolutions?\b", text, re.IGNORECASE) if edition == "handwriting" else []
    return found


@each_edition
def test_no_sentence_speaks_of_what_is_not_there(unpacked, edition):
    folder, said = unpacked / edition, []
    for page in [*folder.glob("*.ipynb"), *folder.glob("*.md")]:
        if page.suffix == ".ipynb":
            text = "\n".join(cell.source for cell in nbformat.read(page, as_version=4).cells)
        else:
            text = page.read_text(encoding="utf-8")
        if page.name != "README.md":  # which says what its edition leaves out
            said += [(page.name, words) for words in dangling(text, folder, edition)]
        said += [(page.name, link) for link in links(markdown_of(page)) if not leads_somewhere(link, page)]
    assert said == []


@pytest.mark.parametrize(
    "text",
    ["set by `make reference`", "as `tests/pages.py` says", "`CONTRIBUTING.md`", "The solution is below."],
)
def test_dangling_sentence_is_noticed(unpacked, text):
    assert dangling(text, unpacked / "handwriting", "handwriting")
    assert not dangling("`make` it so; `mnist_helpers/data.py`", unpacked / "handwriting", "handwriting")


# What Colab opens


@pytest.fixture
def colab(tmp_path, monkeypatch) -> Path:
    for name, value in EVERYWHERE.items():
        monkeypatch.setenv(name, value)
    return archives.make_colab(tmp_path / "course" / "build" / "colab")


def test_colab_installs_the_package_and_runs_the_same_code(colab):
    for path in NOTEBOOKS:
        notebook = nbformat.read(colab / path.name, as_version=4)
        nbformat.validate(notebook)
        install, *cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert re.fullmatch(rf"%pip install --quiet git\+{REPOSITORY}@main  # .+", install.source)
        code = [cell for cell in read(path).cells if cell.cell_type == "code"]
        assert [cell.source.removeprefix("# @title Solution\n") for cell in cells] == [c.source for c in code]
        for cell, original in zip(cells, code, strict=True):
            assert (cell.metadata.get("cellView") == "form") is ("solution" in tags(original))
            assert not cell.outputs
        for link in links("\n\n".join(cell.source for cell in notebook.cells)):
            branch, _, name = link.rpartition("/")
            if name.endswith((".ipynb", ".md")):
                there = name.endswith(".md") and ROOT / "notebooks" / name
                assert branch.endswith("/colab" if not there else f"{REPOSITORY}/blob/main/notebooks"), link
                assert (there or colab / name).is_file()


def test_workflow_puts_it_where_the_button_leads(colab, tmp_path):
    job = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8"))["jobs"][
        "publish"
    ]
    (push,) = (step["run"] for step in job["steps"] if "git push" in step.get("run", ""))
    course, origin = tmp_path / "course", tmp_path / "origin.git"
    (course / ".gitignore").write_text("build\n")
    subprocess.run(["git", "init", "--quiet", "--bare", origin], check=True)
    subprocess.run(["git", "init", "--quiet", course], check=True)
    subprocess.run(["git", "remote", "add", "origin", origin], cwd=course, check=True)
    environment = {"COURSE_COLAB": job["env"]["COURSE_COLAB"], "RUNNER_TEMP": str(tmp_path)}
    for _ in range(2):  # the second time the branch is there
        run = subprocess.run(
            ["bash", "-e", "-c", push], cwd=course, env={"PATH": "/usr/bin:/bin", **environment}, check=False
        )
        assert run.returncode == 0
    for path in NOTEBOOKS:
        _, place = launch_links(path.name)["Colab"].split("/blob/")
        branch, file = place.split("/")
        command = ["git", "show", f"{branch}:{file}"]
        shown = subprocess.run(command, cwd=origin, capture_output=True, check=True)
        assert shown.stdout == (colab / path.name).read_bytes()


def test_trained_networks_can_be_read_by_every_keras_that_is_allowed():
    import json
    import tomllib

    from packaging.requirements import Requirement

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (allowed,) = (line.specifier for line in map(Requirement, wanted) if line.name == "keras")
    for file in (ROOT / "mnist_helpers" / "reference").glob("*.keras"):
        with zipfile.ZipFile(file) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
        major, minor, _ = map(int, version.split("."))
        assert version in allowed and f"{major}.{minor - 1}.9" not in allowed


# The buttons


def test_launch_links_have_the_documented_forms():
    found = launch_links("02_mlp.ipynb", EVERYWHERE)
    binder, hub = urlsplit(found["Binder"]), urlsplit(found["JupyterHub"])
    assert (binder.netloc, binder.path) == ("mybinder.org", "/v2/gh/you/handwriting/main")
    assert parse_qs(binder.query) == {"urlpath": ["lab/tree/notebooks/02_mlp.ipynb"]}
    assert found["Colab"] == (
        "https://colab.research.google.com/github/you/handwriting/blob/colab/02_mlp.ipynb"
    )
    assert (hub.netloc, hub.path) == ("hub.school.org", "/hub/user-redirect/git-pull")
    assert parse_qs(hub.query) == {
        "repo": [REPOSITORY],
        "branch": ["main"],
        "urlpath": ["lab/tree/handwriting/notebooks/02_mlp.ipynb"],
    }


@pytest.mark.parametrize(
    ("repository", "specification"),
    [
        ("https://gitlab.com/school/you/it", "gl/school%2Fyou%2Fit/main"),
        ("https://git.school.org/you/it", "git/https%3A%2F%2Fgit.school.org%2Fyou%2Fit/main"),
    ],
)
def test_binder_opens_any_host(repository, specification):
    (binder,) = launch_links("02_mlp.ipynb", {"COURSE_REPOSITORY": repository}).values()
    assert urlsplit(binder).path == f"/v2/{specification}"


def test_button_that_would_lead_nowhere_is_not_shown():
    def tooltips(page, environment):
        return [button["tooltip"] for button in buttons(page, lambda file: "1 MB", environment)]

    assert tooltips("02_mlp", EVERYWHERE) == ["Run this notebook", "The course's repository", "Take it away"]
    assert tooltips("glossary", EVERYWHERE) == ["The course's repository", "Take it away"]
    assert tooltips("02_mlp", {}) == tooltips("glossary", {}) == ["Take it away"]
    assert list(launch_links("02_mlp.ipynb", {"COURSE_REPOSITORY": REPOSITORY})) == ["Binder"]


NO_REPOSITORY = "COURSE_REPOSITORY must be the address of a repository, https://host/owner/name, got "


@pytest.mark.parametrize(
    ("repository", "other", "complaint"),
    [
        ("foo", {}, f"{NO_REPOSITORY}'foo'"),
        ("git@github.com:you/it", {}, NO_REPOSITORY),
        ("https://github.com/you", {}, NO_REPOSITORY),
        (REPOSITORY, {"COURSE_JUPYTERHUB": "hub"}, "COURSE_JUPYTERHUB must be the address of a hub"),
        ("", {"COURSE_JUPYTERHUB": "https://hub.school.org"}, f"{NO_REPOSITORY}''"),
        ("https://git.school.org/you/it", {"COURSE_COLAB": "colab"}, "COURSE_COLAB is for a repository on"),
    ],
)
def test_address_that_is_none_is_refused(repository, other, complaint, monkeypatch):
    for name, value in {"COURSE_REPOSITORY": repository, **other}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["publish", "site"])
    with pytest.raises(SystemExit, match=f"^make site: {complaint}"):
        publish.main()
