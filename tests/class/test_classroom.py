"""A class on this machine: each student has what they need, and nothing of the others.

These tests make accounts and control groups, so they need root; without it they fail and say so. Everything
listens on the loopback address.
"""

import contextlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import requests

from tools import classroom
from tools.course import ROOT
from tools.measure_class import Student, private

CLASS = Path("/var/lib/handwriting-test")
ARRAYS = CLASS / "shared" / "arrays"
PORT, HUB = 18600, "http://127.0.0.1:18600"
ADA, BOB, EVE = "ada-in-class", "bob-in-class", "eve-in-class"
SECRET = secrets.token_hex(16)
OF_ADA = Path(tempfile.gettempdir(), "of-ada-in-class")  # a file of hers where all may write


def opened(*paths: Path) -> str:
    """A script that shows these paths, each at its place, to whoever may not enter a folder on the way to it.

    Such as root's own folder, if Python lies there. Of that folder, nothing else is to be seen.
    """
    script, closed = "", {}
    for path in paths:
        ways = (parent for parent in reversed(path.parents) if not parent.stat().st_mode & 0o001)
        if folder := next(ways, None):
            closed.setdefault(folder, set()).add(path.relative_to(folder))
    for folder, parts in closed.items():
        script += "shown=$(mktemp -d) && chmod 755 $shown && "
        for part in map(str, parts):
            place = f"$shown/{shlex.quote(part)}"
            script += f"mkdir -p {place} && mount --bind {shlex.quote(f'{folder}/{part}')} {place} && "
        script += f"mount --rbind $shown {shlex.quote(str(folder))} && "
    return script + 'exec "$@"'


def make_class(*arguments: str, check: bool = True, **how) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tools.classroom", *arguments]
    script = opened(Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT)
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *command]
    environment = os.environ | {"CLASS_FOLDER": str(CLASS), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    settings = {
        "cwd": ROOT,
        "env": environment,
        "stdin": subprocess.DEVNULL,
        "capture_output": True,
        "text": True,
        "check": False,
    }
    run = subprocess.run(command, timeout=600, **settings | how)
    assert not check or run.returncode == 0, run.stdout + run.stderr
    return run


def start(*arguments: str) -> str:
    return make_class("start", "--address", "127.0.0.1", "--port", str(PORT), *arguments).stdout


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """Start a class of three, with one worksheet; names and first passwords."""
    assert os.geteuid() == 0, "these tests make accounts: run them as root, sudo make test-class"
    make_class("remove", check=False)
    OF_ADA.unlink(missing_ok=True)
    modes = {path: path.stat().st_mode & 0o777 for path in ROOT.iterdir()}
    names = tmp_path_factory.mktemp("names") / "names.txt"
    names.write_text(f"{ADA}\n{BOB}\n{EVE}\n")
    printed = start("--names", str(names), "--memory", "1200")
    rows = [line.split() for line in printed.splitlines()]
    yield {row[0]: row[1] for row in rows if len(row) == 2}
    make_class("remove")
    for path, mode in modes.items():
        path.chmod(mode)


@pytest.fixture(scope="module")
def working(sheet) -> dict[str, Student]:
    """All three, each with a kernel."""
    students = {name: Student(HUB, name, sheet[name]) for name in (ADA, BOB, EVE)}
    for student in students.values():
        student.session.get(f"{HUB}/hub/spawn/{student.name}", timeout=300)
    for student in students.values():
        student.open_server()
        student.start_kernel("handwriting/02_mlp.ipynb")
        assert student.run("import json, os, subprocess, sys; from pathlib import Path") == ("", "")
    return students


def answer(student: Student, code: str):
    """What an expression is in the student's kernel."""
    printed, error = student.run(f"print(json.dumps({code}))")
    assert not error, error
    return json.loads(printed)


def errors(student: Student, **attempts: str) -> dict[str, str]:
    """The errors that pieces of code give in the student's kernel, by name."""
    return {name: student.run(code)[1] for name, code in attempts.items()}


def test_each_works_under_an_account_of_their_own_with_the_course_and_the_shared_images(working):
    numbers = [answer(student, "os.getuid()") for student in working.values()]
    assert len({0, *numbers}) == 4
    ada = working[ADA]
    assert answer(ada, "sorted(path.name for path in Path.cwd().iterdir())")[1] == "02_mlp.ipynb"
    lesson = "json.loads(Path('02_mlp.ipynb').read_text())['cells']"
    assert not answer(ada, f"[1 for cell in {lesson} if 'solution' in cell['metadata'].get('tags', [])]")
    assert ada.run("from mnist_helpers import load_splits, shared_arrays")[1] == ""
    assert answer(ada, "type(load_splits('flat')[0][0]).__name__") == "SharedArray"
    assert answer(ada, "os.environ['TF_NUM_INTRAOP_THREADS']") == str(max(1, os.cpu_count() // 3))


def test_a_student_reads_and_writes_nothing_of_others(working):
    ada, eve = working[ADA], working[EVE]
    home, teacher, exchange = (
        CLASS / "homes" / ADA,
        CLASS / "homes" / "teacher",
        CLASS / "exchange/handwriting",
    )
    for file in (home / "diary", OF_ADA):
        assert ada.run(f"Path({str(file)!r}).write_text('{SECRET}')") == ("", "")
    closed = [home, home / "diary", home / "handwriting/02_mlp.ipynb", OF_ADA, teacher, teacher / "course"]
    closed += [
        CLASS / name for name in ("hub", "settings.json", "names_and_passwords.csv", "hub/cookie_secret")
    ]
    closed += [ROOT / name for name in ("notebooks/02_mlp.ipynb", "worksheets", ".git")]
    assert all(path.exists() for path in closed)
    read = "os.listdir({0!r}) if os.path.isdir({0!r}) else open({0!r})"
    tried = {str(path): read.format(str(path)) for path in closed}
    assert errors(eve, **tried) == dict.fromkeys(tried, "PermissionError")

    places = [
        home,
        teacher,
        exchange,
        CLASS,
        ARRAYS,
        ROOT / "mnist_helpers",
        Path(sys.prefix),
    ]
    tried = {str(place): f"Path({str(place)!r}, 'new').write_text('x')" for place in places}
    tried["arrays"] = f"open({str(ARRAYS / 'scaled.npy')!r}, 'r+b')"
    tried["move"] = f"os.rename({str(exchange)!r}, '{exchange}-elsewhere')"
    assert errors(eve, **tried) == dict.fromkeys(tried, "PermissionError")
    assert answer(ada, f"Path({str(home / 'diary')!r}).read_text()") == SECRET
    OF_ADA.unlink()


def test_a_student_sees_nothing_of_the_processes_of_others(working):
    ada, eve = working[ADA], working[EVE]
    pids = answer(ada, "[os.getpid(), os.getppid()]")
    hub = int((CLASS / "hub" / "hub.pid").read_text())
    tried = {
        f"{what} {pid}": f"Path('/proc/{pid}/{what}').read_bytes()"
        for pid in [*pids, hub]
        for what in ("environ", "maps")
    }
    tried |= {f"end {pid}": f"os.kill({pid}, 9)" for pid in [*pids, hub]}
    assert errors(eve, **tried) == dict.fromkeys(tried, "PermissionError")
    shown = answer(eve, "subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True).stdout")
    tokens = [answer(student, "os.environ['JUPYTERHUB_API_TOKEN']") for student in (ada, eve)]
    tokens.append(json.loads((CLASS / "settings.json").read_text())["proxy_token"])
    assert "ipykernel_launcher" in shown and not [token for token in tokens if token in shown]
    sockets = CLASS / "homes" / ADA / ".k"
    assert answer(ada, f"len([1 for name in os.listdir({str(sockets)!r}) if '-ipc-' in name])") >= 5
    assert errors(eve, look=f"os.listdir({str(sockets)!r})") == {"look": "PermissionError"}
    connection = "json.load(open(__import__('ipykernel').get_connection_file()))"
    assert answer(ada, f"{connection}['transport']") == "ipc"  # on a port, anybody could read along


def test_a_student_takes_no_token_of_another(working):
    ada, eve = working[ADA], working[EVE]
    token = answer(eve, "os.environ['JUPYTERHUB_API_TOKEN']")
    server = answer(ada, "os.environ['JUPYTERHUB_SERVICE_URL']")  # past the proxy
    for address in (f"{HUB}/user/{ADA}/", server):
        for headers in ({}, {"Authorization": f"token {token}"}):
            reply = requests.get(f"{address}api/contents", headers=headers, timeout=60, allow_redirects=False)
            assert reply.status_code in (302, 403) and "diary" not in reply.text
    assert eve.session.get(f"{HUB}/user/{ADA}/api/contents", timeout=60).status_code in (403, 404)
    for page in ("admin", f"api/users/{ADA}", f"api/users/{ADA}/tokens", "api/users"):
        reply = requests.get(f"{HUB}/hub/{page}", headers={"Authorization": f"token {token}"}, timeout=60)
        assert reply.status_code in (403, 404) or ADA not in reply.text, page
        assert eve.session.get(f"{HUB}/hub/{page}", timeout=60).status_code in (403, 404), page
    assert (
        requests.get(f"http://127.0.0.1:{classroom.inner_ports(PORT)[0]}/api/routes", timeout=60).status_code
        == 403
    )
    assert ada.api("GET", "api/contents").ok  # who may, can


def test_wrong_passwords_and_other_names_do_not_log_in(sheet):
    for name, password in ((ADA, sheet[BOB]), ("root", ""), ("nobody-in-class", "a-new-password")):
        with pytest.raises(PermissionError, match="cannot log in"):
            Student(HUB, name, password)


FILL = "block = bytearray(b'x') * {megabytes} * 2**20"


def test_more_memory_than_the_limit_ends_the_kernel_and_no_other(working):
    ada, eve = working[ADA], working[EVE]
    assert ada.run("kept = 42")[1] == "" and eve.run("kept = 42")[1] == ""
    assert eve.run(FILL.format(megabytes=300))[1] == ""
    assert eve.run(FILL.format(megabytes=3000))[1] == "dead"  # and JupyterLab says so
    eve.socket.close()
    eve.start_kernel("handwriting/03_cnn.ipynb")  # goes on with a new kernel
    assert eve.run("import json, os, subprocess, sys, time; from pathlib import Path")[1] == ""
    assert errors(eve, again="kept") == {"again": "NameError"}
    big = "import time; block = b'x' * (400 * 2**20); print('has it', flush=True); time.sleep(60)"
    start_one = f"subprocess.Popen([sys.executable, '-c', {big!r}], stdout=subprocess.PIPE)"
    # one after the other, so that the largest is one of these and not the student's server
    eve.run(f"programs = []\nfor _ in range(8): programs.append({start_one}); programs[-1].stdout.readline()")
    until = time.monotonic() + 180
    while -9 not in answer(eve, "[program.poll() for program in programs]"):
        assert private_of_all(EVE) < 1300, "several programs of a student take more together"
        assert time.monotonic() < until
    eve.run("for program in programs: program.kill()")
    assert answer(ada, "kept") == 42


def private_of_all(name: str) -> float:
    """MB that all processes of an account have for themselves."""
    total = 0.0
    for pid in subprocess.run(
        ["pgrep", "-u", name], capture_output=True, text=True, check=True
    ).stdout.split():
        with contextlib.suppress(OSError, TypeError):
            total += private(int(pid))
    return total


def test_a_student_starts_so_many_programs_and_no_more(working):
    eve = working[EVE]
    many = "started = []\nwhile len(started) < 3000: started.append(subprocess.Popen(['sleep', '60']))"
    assert eve.run(many)[1] == "BlockingIOError"
    assert eve.run("for program in started: program.kill()")[1] == ""
    assert answer(working[ADA], "1") == 1


def test_worksheets_are_handed_in_and_given_back_to_their_student_only(working):
    ada, eve = working[ADA], working[EVE]
    worksheet = answer(ada, "sorted(p.name for p in Path.home().glob('0*'))")[0]
    ada.hand_in(worksheet)
    inbound = CLASS / "exchange" / "handwriting" / "inbound"
    assert errors(eve, look=f"os.listdir({str(inbound)!r})") == {"look": "PermissionError"}
    forged = f"{ADA}+{worksheet}+2050-01-01 00:00:00 UTC+x"
    assert eve.run(f"Path({str(inbound)!r}, {forged!r}).mkdir()")[1] == ""
    # a link to what only the teacher may read, and a time that is none
    linked, timeless = (f"{EVE}+{worksheet}+{when}+x" for when in ("2050-01-01 00:00:00 UTC", "soon"))
    other = CLASS / "homes/teacher/course/release" / worksheet / f"{worksheet}.ipynb"
    assert eve.run(
        f"for name in {linked!r}, {timeless!r}: Path({str(inbound)!r}, name).mkdir()\n"
        f"Path({str(inbound)!r}, {linked!r}, {other.name!r}).symlink_to({str(other)!r})\n"
        f"os.mkfifo(Path({str(inbound)!r}, {linked!r}, 'pipe'))"
    ) == ("", "")
    printed = make_class("collect").stdout
    assert f"not collected: {forged}: handed in by {EVE} under another name" in printed
    assert f"not collected: {timeless}" in printed and "2 worksheets were" in printed
    folder = CLASS / "homes/teacher/course/submitted"
    (handed_in,) = folder.glob("*/*/*.ipynb")
    assert handed_in.parts[-3:] == (ADA, worksheet, f"{worksheet}.ipynb")
    assert [path.name for path in (folder / EVE / worksheet).iterdir()] == ["timestamp.txt"]
    moved = f"os.rename(Path({str(inbound)!r}, {forged!r}), Path({str(inbound)!r}, 'x'))"
    assert eve.run(moved) == ("", "")  # her own; another's she cannot
    theirs = next(path for path in inbound.iterdir() if path.name.startswith(f"{ADA}+"))
    assert errors(eve, move=f"os.rename({str(theirs)!r}, {str(inbound / 'y')!r})") == {
        "move": "PermissionError"
    }

    with tempfile.TemporaryDirectory() as feedback:
        page = Path(feedback, ADA, worksheet, f"{worksheet}.html")
        page.parent.mkdir(parents=True)
        page.write_text(f"<p>{SECRET}</p>")
        assert worksheet in make_class("return", "--feedback", feedback).stdout
    wish = {"assignment_id": worksheet, "course_id": "handwriting"}
    for student in (ada, eve):
        assert student.api("POST", "assignments/fetch_feedback", json=wish).ok
    assert answer(ada, f"[p.read_text() for p in Path.home().glob('{worksheet}/feedback/*/*.html')]") == [
        f"<p>{SECRET}</p>"
    ]
    assert answer(eve, f"[str(p) for p in Path.home().glob('{worksheet}/feedback/*/*.html')]") == []
    back = CLASS / "exchange" / "handwriting" / "feedback"
    assert errors(eve, look=f"os.listdir({str(back)!r})") == {"look": "PermissionError"}


def test_the_teacher_sees_the_class(sheet):
    teacher = Student(HUB, "teacher", sheet["teacher"])
    assert teacher.session.get(f"{HUB}/hub/admin", timeout=60).ok


def test_a_restart_of_the_hub_loses_nothing(working, sheet):
    ada = working[ADA]
    assert ada.run("kept = 43")[1] == ""
    os.kill(int((CLASS / "hub" / "hub.pid").read_text()), 9)
    assert answer(ada, "kept") == 43  # the proxy and the servers go on
    assert sheet[ADA] in start()
    assert answer(ada, "kept") == 43 and ada.api("GET", "api/contents/diary").json()["content"] == SECRET
    bob = Student(HUB, BOB, sheet[BOB])
    bob.open_server()
    assert bob.api("GET", "api/status").json()["kernels"] == 1  # the one that he had


def test_after_an_end_and_a_start_all_is_there_with_tls_and_idle_servers_stop(working, sheet, tmp_path):
    make_class("stop")
    assert [
        name
        for name in (ADA, BOB, EVE)
        if subprocess.run(["pgrep", "-u", name], check=False, capture_output=True).stdout
    ] == []
    with pytest.raises(requests.ConnectionError):
        requests.get(HUB, timeout=5)
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    start("--certificate", str(certificate), "--key", str(key), "--idle", "1")
    hub = HUB.replace("http", "https")
    os.environ["REQUESTS_CA_BUNDLE"] = str(certificate)
    ada = Student(hub, ADA, sheet[ADA])
    ada.open_server()
    assert ada.api("GET", "api/contents/diary").json()["content"] == SECRET
    until = time.monotonic() + 180
    while subprocess.run(["pgrep", "-u", ADA], check=False, capture_output=True).stdout:
        assert time.monotonic() < until, "an idle server goes on"
        time.sleep(1)
    del os.environ["REQUESTS_CA_BUNDLE"]


@pytest.mark.parametrize("version", [1, 2])
def test_limits_are_written_where_each_version_of_control_groups_has_them(tmp_path, monkeypatch, version):
    monkeypatch.setattr(classroom, "CGROUPS", tmp_path)
    if version == 2:
        (tmp_path / "cgroup.controllers").touch()
    groups = classroom.cgroups("ada")
    assert len(groups) == (1 if version == 2 else 3)
    for group in groups:
        group.mkdir(parents=True)
    files = ("memory.max", "memory.swap.max", "pids.max") if version == 2 else ("memory.limit_in_bytes",)
    for name in files:  # as the system puts them there
        (groups[0] / name).touch()
    assert [file.parent for file in classroom.limit("ada", 500)] == groups
    assert (groups[0] / files[0]).read_text() == str(500 * 2**20)
    if version == 2:
        assert (tmp_path / "handwriting" / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
        assert (groups[0] / "pids.max").read_text() == "1000"


def test_who_is_not_root_is_told_why(tmp_path):
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    program = (
        "import os, sys; os.geteuid = lambda: 1000; from tools import classroom; classroom.check_machine()"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "needs Linux, and root" in run.stderr and "sudo before make" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--students", "0"), "say how many students"),
        (("--names", "NAMES"), "has an account on this machine already"),
        (("--students", "1", "--certificate", "x"), "both TLS_CERT and TLS_KEY"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, monkeypatch, arguments, message):
    names = tmp_path / "names.txt"
    names.write_text("root\n")
    monkeypatch.setattr(sys.modules[__name__], "CLASS", tmp_path / "class")
    run = make_class("start", *(str(names) if part == "NAMES" else part for part in arguments), check=False)
    assert run.returncode and message in run.stderr, run.stderr
