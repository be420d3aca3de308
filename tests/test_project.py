"""The project's files agree with each other, and `make` sets up what it needs."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools.course import NOTEBOOKS, ROOT, read, tags
from tools.execute import pictures


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PROJECT = tomllib.loads(text_of("pyproject.toml"))["project"]


# Dependencies


def not_locked(project: dict, lock: str) -> set[str]:
    """What a project asks for and its lock does not have, in a version that it allows and with a hash."""
    pins = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\\\n +--hash=sha256:", lock, re.MULTILINE)
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {Requirement(line) for group in groups for line in group}
    locked = {
        requirement
        for requirement in wanted
        for name, version in pins
        if canonicalize_name(requirement.name) == name and requirement.specifier.contains(version)
    }
    return {str(requirement) for requirement in wanted - locked}


def test_everything_that_the_project_needs_is_locked():
    assert not not_locked(PROJECT, text_of("requirements.txt"))


@pytest.mark.parametrize(
    "lock", ["numpy==1.9 \\\n    --hash=sha256:1", "numpy==2.1\n", "numba==2.1 \\\n --hash=sha256:1"]
)
def test_what_is_not_locked_is_noticed(lock):
    project = {"dependencies": ["numpy>=2"], "optional-dependencies": {}}
    assert not_locked(project, lock) == {"numpy>=2"}
    assert not not_locked(project, "numpy==2.1 ; python_version < '3.12' \\\n    --hash=sha256:1")


def test_lock_was_made_by_the_command_in_the_makefile():
    command = re.search(r"uv pip compile .+", text_of("Makefile"))[0]
    assert f"#    {command}\n" in text_of("requirements.txt")


def test_conda_installs_the_same_as_pip():
    python, pip, packages = yaml.safe_load(text_of("environment.yml"))["dependencies"]
    assert python.removeprefix("python=") + ".0" in SpecifierSet(PROJECT["requires-python"])
    assert (pip, packages) == ("pip", {"pip": ["-r requirements.txt"]})


# make


@pytest.fixture
def make(tmp_path):
    """Run `make` in a folder that has nothing but the Makefile and what the environment is made of."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)

    def make(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(["make", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    return make


@pytest.mark.skipif(sys.platform == "win32", reason="the other Python is a shell script")
def test_make_says_which_python_it_cannot_use(make, tmp_path):
    old = tmp_path / "old_python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 4); $2"\n')
    old.chmod(0o755)
    run = make("lab", f"PYTHON={old}")
    assert run.returncode and f"{old} is Python 3.10\n" in run.stderr
    assert "needs Python 3.11, 3.12 or 3.13" in run.stderr and "make PYTHON=" in run.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("ready", "sets_up"), [(None, True), ("", True), ("/another/folder", True), ("this folder", False)]
)
def test_make_uses_an_environment_that_is_ready_and_of_this_folder(make, tmp_path, ready, sets_up):
    (tmp_path / ".venv").mkdir()
    if ready is not None:
        text = tmp_path.resolve().as_posix() if ready == "this folder" else ready
        (tmp_path / ".venv" / "ready").write_text(text)
    assert ("venv --clear" in make("--dry-run", "lab").stdout) is sets_up


# Files


def git(*arguments: str, folder: Path = ROOT) -> list[str]:
    """The lines that git prints. Git sees only the project's files, not a reader's own."""
    run = subprocess.run(
        ["git", *arguments], cwd=folder, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    assert run.returncode in {0, 1} and not run.stderr, run.stderr
    return run.stdout.splitlines()


# Paths on one machine. The pattern is written so that it does not match itself.
PLACES = r"(^|[^A-Za-z0-9+/._-])/(work|home|root|tmp|Users)/|[s]hared/"


def test_repository_has_the_listed_notebooks_and_no_others():
    assert set(git("ls-files", "*.ipynb")) == {f"notebooks/{path.name}" for path in NOTEBOOKS}


def test_no_file_has_a_path_on_one_machine():
    assert not git("grep", "-nIE", PLACES)


def test_path_on_one_machine_is_noticed(tmp_path):
    (tmp_path / "note.txt").write_text(f"see /{'home'}/x, or ../{'sha' + 'red'}/x\n")
    assert len(git("grep", "--no-index", "-oE", PLACES, "note.txt", folder=tmp_path)) == 2


def test_readme_names_every_command():
    targets = set(re.findall(r"^([\w-]+):.*##", text_of("Makefile"), re.MULTILINE)) - {"clean", "lock"}
    assert {"course", "test-browser"} <= targets
    assert targets <= set(re.findall(r"\bmake ([\w-]+)", text_of("README.md")))


def test_readme_shows_the_gallery_that_the_course_makes():
    assert "(notebooks/gallery.png)" in text_of("README.md")
    shown = [
        picture
        for path in NOTEBOOKS
        for cell in read(path).cells
        if "readme-picture" in tags(cell)
        for picture in pictures(cell)
    ]
    assert shown == [(ROOT / "notebooks" / "gallery.png").read_bytes()]
