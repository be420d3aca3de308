"""`make check` sees what is missing, says what to do about it, and fails only where the course cannot run."""

import functools
import re
import shutil
import socket
import sys
import webbrowser
from collections import namedtuple

import psutil
import pytest

from mnist_helpers import data, load_results, load_run, ready
from mnist_helpers.reference import REFERENCE_FOLDER
from tools.course import NETWORKS, STUDIES

Free = namedtuple("Free", ["available", "free"])


def too_old(patch, folder):
    patch.setattr(sys, "version_info", (3, 10, 4))


def no_environment(patch, folder):
    patch.setattr(sys, "base_prefix", sys.prefix)


def memory_of(size):
    return lambda patch, folder: patch.setattr(psutil, "virtual_memory", lambda: Free(size, size))


def memory_untold(patch, folder):
    patch.setattr(psutil, "virtual_memory", lambda: 1 / 0)


def disk_of(size):
    return lambda patch, folder: patch.setattr(shutil, "disk_usage", lambda path: Free(size, size))


def damaged_data(patch, folder):
    (folder / "mnist.npz").write_bytes(b"PK")
    patch.setattr(data, "MNIST_FILE", folder / "mnist.npz")


def missing_record(patch, folder):
    patch.setattr(ready, "load_results", functools.partial(load_results, folder=folder))


def damaged_network(patch, folder):
    for name in ready.NETWORKS:
        shutil.copy(REFERENCE_FOLDER / f"{name}.json", folder)
        (folder / f"{name}.keras").write_bytes(b"PK")
    ready.network.cache_clear()
    patch.setattr(ready, "load_run", functools.partial(load_run, folder=folder))


def no_tensorflow(patch, folder):
    ready.network.cache_clear()
    patch.setitem(sys.modules, "keras", None)


def slow(patch, folder):
    patch.setattr(ready, "seconds_an_epoch", lambda name: 200)


def no_port(patch, folder):
    def bind(self, address):
        raise OSError("in use")

    patch.setattr(ready, "PORTS", range(8888, 8890))
    patch.setattr(socket.socket, "bind", bind)


def no_browser(patch, folder):
    def get():
        raise webbrowser.Error("could not locate runnable browser")

    patch.setattr(webbrowser, "get", get)


@pytest.mark.parametrize(
    ("name", "breaks", "state", "says"),
    [
        ("Python", too_old, "STOP", "Python 3.10.4; set up the environment anew"),
        ("Python", no_environment, "look", "other packages may get in the way"),
        ("memory", memory_of(0.4e9), "STOP", "0.4 GB free, .* close other programs"),
        ("memory", memory_of(1.5e9), "look", "one notebook at a time"),
        ("memory", memory_untold, "look", "does not tell"),
        ("disk", disk_of(1e7), "STOP", "0.0 GB free, too little to save"),
        ("disk", disk_of(5e8), "look", "too little for `make course`"),
        ("files", damaged_data, "STOP", "mnist.npz is damaged .*; to get it back, download"),
        ("files", missing_record, "STOP", "optimizers.json is missing .*; to get it back, download"),
        ("files", damaged_network, "STOP", "mlp.keras is damaged.*; to get it back, download"),
        ("processor", no_tensorflow, "STOP", "keras.* Install the packages again"),
        ("processor", slow, "look", "an epoch of 02 takes 200 s.* start the training first"),
        ("port", no_port, "STOP", "none from 8888 to 8889: end the JupyterLabs"),
        ("browser", no_browser, "look", "copy the address"),
    ],
)
def test_what_is_missing_is_seen(monkeypatch, tmp_path, capsys, name, breaks, state, says):
    breaks(monkeypatch, tmp_path)
    monkeypatch.setattr(ready, "CHECKS", {name: ready.CHECKS[name]})
    status = ready.main()
    monkeypatch.undo()
    ready.network.cache_clear()
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{state:5}{name}")
    assert re.search(says, first)
    assert (status, "not ready" in last) == ((1, True) if state == "STOP" else (0, False))


def test_port_that_is_taken_is_passed_over(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        monkeypatch.setattr(ready, "PORTS", range(number, number + 20))
        state, text = ready.finding(ready.port)
    assert state == "ok" and f"{number} is taken" in text


def test_all_that_belongs_to_the_course_is_looked_at():
    assert set(ready.NETWORKS) == set(NETWORKS)
    assert set(ready.STUDIES) == {*STUDIES, "training_times"}
    assert ready.finding(ready.files)[0] == "ok"
    assert 0 < ready.seconds_an_epoch("mlp", seconds=0.1) < 600
