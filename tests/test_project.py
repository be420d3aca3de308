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


def not_locked(wanted: list[str], lock: str) -> list[str]:
    """What is wanted and not locked, in a version that is allowed and with a hash."""
    pins = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\\\n +--hash=sha256:", lock, re.MULTILINE)
    locked = [
        line
        for line in wanted
        for name, version in pins
        if canonicalize_name(Requirement(line).name) == name and Requirement(line).specifier.contains(version)
    ]
    return sorted(set(wanted) - set(locked))


def test_everything_that_the_project_needs_is_locked():
    wanted = sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"])
    assert not_locked(wanted, text_of("requirements.txt")) == []
    hashed = " \\\n    --hash=sha256:1\n"
    lock = f"numpy==1.9{hashed}scipy==2.1\nmyst-nb==2.1 ; python_version < '3.12'{hashed}"
    assert not_locked(["numpy>=2", "scipy", "MyST_NB>=2", "numba"], lock) == ["numba", "numpy>=2", "scipy"]


def test_conda_and_pip_install_what_the_makefile_locks():
    command = re.search(r"uv pip compile .+", text_of("Makefile"))[0]
    assert f"#    {command}\n" in text_of("requirements.txt")
    python, *packages = yaml.safe_load(text_of("environment.yml"))["dependencies"]
    assert python.removeprefix("python=") + ".0" in SpecifierSet(PROJECT["requires-python"])
    assert packages == ["pip", {"pip": ["-r requirements.txt"]}]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run `make` in a folder that has nothing but the Makefile and what the environment is made of."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="the other Python is a shell script")
def test_make_says_which_python_it_cannot_use(tmp_path):
    old = tmp_path / "old_python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 4); $2"\n')
    old.chmod(0o755)
    run = make(tmp_path, "lab", f"PYTHON={old}")
    assert run.returncode and f"{old} is Python 3.10\n" in run.stderr
    assert "needs Python 3.11, 3.12 or 3.13" in run.stderr and "make PYTHON=" in run.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_uses_an_environment_that_is_ready_and_of_this_folder(tmp_path):
    for ready, sets_up in ((None, True), ("/another/folder", True), (tmp_path.resolve().as_posix(), False)):
        (tmp_path / ".venv").mkdir(exist_ok=True)
        if ready:
            (tmp_path / ".venv" / "ready").write_text(ready)
        assert ("venv --clear" in make(tmp_path, "--dry-run", "lab").stdout) is sets_up


def git(*arguments: str) -> set[str]:
    """The lines that git prints. Git sees only the project's files, not a reader's own."""
    command = ["git", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert run.returncode in {0, 1} and not run.stderr, run.stderr
    return set(run.stdout.splitlines())


def test_repository_has_the_listed_notebooks_and_no_others():
    worksheets = (ROOT / "worksheets").glob("*.ipynb")
    listed = {path.relative_to(ROOT).as_posix() for path in (*NOTEBOOKS, *worksheets)}
    assert git("ls-files", "*.ipynb") == listed


def test_no_file_has_a_path_on_one_machine():
    places = r"(^|[^A-Za-z0-9+/._-])/(work|home|root|tmp|Users)/|[s]hared/"  # does not match itself
    assert git("grep", "-nIE", places) == set()
    assert all(re.search(places, text) for text in (f"see /{'home'}/x", f"../{'sha' + 'red'}/x"))


def test_readme_names_every_command_and_shows_the_gallery_that_the_course_makes():
    targets = set(re.findall(r"^([\w-]+):.*##", text_of("Makefile"), re.MULTILINE)) - {"clean", "lock"}
    assert {"course", "test-browser"} <= targets <= set(re.findall(r"\bmake ([\w-]+)", text_of("README.md")))
    assert "(notebooks/gallery.png)" in text_of("README.md")
    cells = [cell for path in NOTEBOOKS for cell in read(path).cells if "readme-picture" in tags(cell)]
    gallery = (ROOT / "notebooks" / "gallery.png").read_bytes()
    assert [picture for cell in cells for picture in pictures(cell)] == [gallery]
