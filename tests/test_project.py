"""The project's files agree with each other and with the course."""

import base64
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from pages import NOTEBOOKS, README, ROOT, broken_links, links, read

PICTURE = "notebooks/_static/gallery.png"
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("linux", "darwin", "win32")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def project() -> dict:
    return tomllib.loads(text_of("pyproject.toml"))["project"]


# Dependencies


def wanted(project: dict) -> list[Requirement]:
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def locked(lock: str) -> list[tuple[Requirement, str]]:
    """A lock file's pins, each with the lines below it: its hashes and what requires it."""
    pins = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    return [(Requirement(pin.partition("\\")[0].partition("\n")[0]), pin) for pin in pins]


def lock_problems(project: dict, lock: str) -> list[str]:
    pins, problems = locked(lock), []
    for pin, lines in pins:
        if not re.fullmatch(r"==[\w.]+", str(pin.specifier)):
            problems.append(f"{pin} is not pinned")
        if "--hash=sha256:" not in lines:
            problems.append(f"{pin} has no hash")
    for requirement in wanted(project):
        name = canonicalize_name(requirement.name)
        for python in PYTHONS:
            for system in SYSTEMS:
                here = {
                    "python_version": python,
                    "python_full_version": f"{python}.9",
                    "sys_platform": system,
                }
                found = [
                    pin
                    for pin, _ in pins
                    if canonicalize_name(pin.name) == name and (not pin.marker or pin.marker.evaluate(here))
                ]
                if len(found) != 1:
                    problems.append(f"{name} has {len(found)} pins for Python {python} on {system}")
                elif not requirement.specifier.contains(str(found[0].specifier)[2:]):
                    problems.append(f"{found[0]} is not {requirement}")
    direct = {canonicalize_name(pin.name) for pin, lines in pins if "(pyproject.toml)" in lines}
    if extra := direct - {canonicalize_name(requirement.name) for requirement in wanted(project)}:
        problems.append(f"{extra} are locked for pyproject.toml, which does not ask for them")
    return problems


def environment_problems(environment: dict, project: dict) -> list[str]:
    problems = []
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    others = [entry for entry in environment["dependencies"] if not isinstance(entry, str)]
    python = [entry.removeprefix("python=") for entry in conda if entry.startswith("python")]
    if not all(version + ".0" in SpecifierSet(project["requires-python"]) for version in python):
        problems.append(f"pyproject.toml does not allow Python {python}")
    if len(python) != 1 or len(conda) != 2 or "pip" not in conda:
        problems.append(f"conda must install python and pip and nothing else, installs {conda}")
    if others != [{"pip": ["-r requirements.txt"]}]:
        problems.append(f"pip must install requirements.txt and nothing else, installs {others}")
    return problems


def test_lock_matches_pyproject(project):
    assert not lock_problems(project, text_of("requirements.txt"))


def test_conda_installs_the_same_as_pip(project):
    assert not environment_problems(yaml.safe_load(text_of("environment.yml")), project)


def test_lock_was_made_by_the_command_in_the_makefile():
    command = re.search(r"uv pip compile .+", text_of("Makefile"))[0]
    assert f"#    {command}\n" in text_of("requirements.txt")


def test_python_versions_match_pyproject(project):
    allowed = SpecifierSet(project["requires-python"])
    assert [f"3.{minor}" for minor in range(30) if f"3.{minor}.0" in allowed] == list(PYTHONS)


PROJECT = {
    "dependencies": ["numpy>=2"],
    "optional-dependencies": {"dev": ["ruff"]},
    "requires-python": ">=3.11,<3.14",
}
LOCK = """\
# made by a tool
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:12
    # via mnist-helpers (pyproject.toml)
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:34
ruff==0.17.6 \\
    --hash=sha256:56
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("", "", ""),
        ("# made", "six==1.0 \\\n    --hash=sha256:78\n# made", ""),
        ("ruff==0.17.6", "gruff==0.17.6", "ruff has 0 pins for Python 3.11 on linux"),
        ("ruff==0.17.6", "ruff>=0.17.6", "is not pinned"),
        ("--hash=sha256:56", "", "has no hash"),
        (">= '3.12'", ">= '3.13'", "numpy has 0 pins for Python 3.12 on win32"),
        ("2.4.6", "1.4.6", "is not numpy>=2"),
        (
            "sha256:56",
            "sha256:56\nold==1 \\\n  --hash=sha256:9\n  # via mnist-helpers (pyproject.toml)",
            "{'old'}",
        ),
    ],
)
def test_mismatched_lock_is_noticed(old, new, complaint):
    found = "\n".join(lock_problems(PROJECT, LOCK.replace(old, new, 1)))
    assert complaint in found and bool(complaint) == bool(found)


@pytest.mark.parametrize(
    ("dependencies", "complaint"),
    [
        (["python=3.12", "pip", {"pip": ["-r requirements.txt"]}], ""),
        (["python=3.10", "pip", {"pip": ["-r requirements.txt"]}], "does not allow"),
        (["pip", {"pip": ["-r requirements.txt"]}], "nothing else"),
        (["python=3.12", "pip", "numpy", {"pip": ["-r requirements.txt"]}], "nothing else"),
        (["python=3.12", "pip", {"pip": ["-r requirements.txt", "numpy"]}], "nothing else"),
        (["python=3.12", "pip"], "pip must install"),
    ],
)
def test_mismatched_conda_environment_is_noticed(dependencies, complaint):
    found = "\n".join(environment_problems({"dependencies": dependencies}, PROJECT))
    assert complaint in found and bool(complaint) == bool(found)


# Files


def git(*arguments: str, folder: Path = ROOT) -> list[str]:
    """The lines that git prints. Git sees only the project's files, not a reader's own."""
    run = subprocess.run(
        ["git", *arguments], cwd=folder, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    assert run.returncode in {0, 1} and not run.stderr, run.stderr
    return run.stdout.splitlines()


LEFTOVER = re.compile(
    r"(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|__pycache__|\.ipynb_checkpoints|\.idea|\.vscode|Untitled[^/]*)(/|$)"
    r"|-checkpoint\.|\.nbconvert\.ipynb$|\.(pyc|orig|rej|swp|tmp|bak|log)$|~$"
)
# Paths on one machine. The pattern is written so that it does not match itself.
PLACES = r"(^|[^A-Za-z0-9+/._-])/(work|home|root|tmp|Users)/|[s]hared/"


def test_repository_has_the_course_and_no_leftovers():
    files = git("ls-files")
    assert {f"notebooks/{path.name}" for path in NOTEBOOKS} == {
        file for file in files if file.endswith(".ipynb")
    }
    assert not [file for file in files if LEFTOVER.search(file)]


def test_no_file_has_a_path_on_one_machine():
    assert not git("grep", "-nIE", PLACES)


@pytest.mark.parametrize(
    "file", ["a/.DS_Store", "notebooks/.ipynb_checkpoints/x", "x.orig", "Untitled.ipynb", "x~"]
)
def test_leftover_is_noticed(file):
    assert LEFTOVER.search(file)


@pytest.mark.parametrize("folder", ["work", "home", "tmp"])
def test_path_on_one_machine_is_noticed(folder, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text(f"see /{folder}/x, or ../{'sha' + 'red'}/x\n")
    found = git("grep", "--no-index", "-oE", PLACES, note.name, folder=tmp_path)
    assert len(found) == 2


# README


def test_readme_names_every_command():
    targets = set(re.findall(r"^(\w+):.*##", text_of("Makefile"), re.MULTILINE)) - {"clean", "lock"}
    assert {"course", "test"} <= targets
    assert targets <= set(re.findall(r"\bmake (\w+)", README.read_text(encoding="utf-8")))


def test_readme_links_to_every_notebook_and_has_no_broken_links():
    markdown = README.read_text(encoding="utf-8")
    assert {f"notebooks/{path.name}" for path in NOTEBOOKS} <= set(links(markdown))
    assert not broken_links(markdown, README)


def test_readme_shows_the_gallery_that_the_course_makes():
    assert PICTURE in links(README.read_text(encoding="utf-8"))
    (evaluation,) = (path for path in NOTEBOOKS if path.stem == "05_evaluation")
    assert (ROOT / PICTURE).read_bytes() == readme_picture(evaluation)


def readme_picture(notebook: Path) -> bytes:
    (cell,) = (cell for cell in read(notebook).cells if "readme-picture" in cell.metadata.get("tags", []))
    (png,) = (output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {}))
    return base64.b64decode(png)
