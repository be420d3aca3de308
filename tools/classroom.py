"""Serve the course to a class from one Linux machine: ``make class``, and what belongs to it.

``start``    accounts, folders and passwords for teacher and students, then JupyterHub and its proxy
``stop``     end the hub, its proxy and all that students run; files, accounts and passwords stay
``collect``  fetch what was handed in from nbgrader's exchange, for ``make grade``
``return``   hand the feedback of ``make grade`` back through the exchange
``remove``   delete accounts, files and passwords of the class

JupyterHub, its proxy, authenticator and culler, and nbgrader do the work. What is here puts each where the
other expects it. All that is kept lies in the folder of the class, /var/lib/handwriting.
"""

import argparse
import csv
import dbm
import io
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from contextlib import suppress
from pathlib import Path

from tools.course import BUILD, ROOT

CLASS = Path(os.environ.get("CLASS_FOLDER", "/var/lib/handwriting"))
SETTINGS, SHEET = CLASS / "settings.json", CLASS / "names_and_passwords.csv"
HUB, SHARED, EXCHANGE, HOMES = (CLASS / name for name in ("hub", "shared", "exchange", "homes"))
COLLECTED = CLASS / "collected"  # what was handed in, where no student can change it
CGROUPS = Path("/sys/fs/cgroup")
COURSE = "handwriting"  # nbgrader's name for the course, and the folder that a student works in
TEACHER = "teacher"
OPEN_TO_STUDENTS = {"mnist_helpers", Path(sys.prefix).name}  # of the checkout; the rest has the solutions
PROXY = "npm:configurable-http-proxy@5.3.0"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that looks like another
MB = 2**20
LARGEST = 100 * MB  # of a folder that is handed in


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = {"start": start, "stop": stop, "collect": collect, "return": give_back, "remove": remove}
    parser.add_argument("command", choices=commands)
    parser.add_argument(
        "--students", type=int, help="how many; their names are student01, student02 and so on"
    )
    parser.add_argument("--names", type=Path, help="a file with the students' names, one on each line")
    parser.add_argument("--address", help="the address to listen on; by default all of this machine")
    parser.add_argument("--port", type=int, help="8000 by default; two others are used within the machine")
    parser.add_argument("--certificate", help="a file for TLS, with --key")
    parser.add_argument("--key", help="the certificate's key")
    parser.add_argument("--memory", type=int, help="the most that a student may use, in MB")
    parser.add_argument(
        "--idle", type=float, help="after how many idle minutes a student's server is stopped"
    )
    parser.add_argument("--feedback", type=Path, help="where make grade wrote its feedback")
    wish = parser.parse_args()
    try:
        check_machine()
        commands[wish.command](wish)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        details = getattr(error, "stderr", None) or ""
        sys.exit(f"make class: {error}\n{details}".rstrip())


# The machine


def check_machine() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise PermissionError(
            "a server for a class needs Linux, and root: each student gets an account of their own there, "
            "since nothing else keeps the files of one from another. Put sudo before make"
        )
    if missing := [program for program in ("useradd", "userdel", "setpriv") if not shutil.which(program)]:
        raise FileNotFoundError(f"{', '.join(missing)} missing; on Debian: apt-get install passwd util-linux")
    if not cgroups("")[0].parent.is_dir() or not os.access(cgroups("")[0].parent, os.W_OK):
        raise OSError(
            f"this machine cannot limit a student's memory: {CGROUPS} has no control group for memory that "
            "root may write to. In a container, it must be given to it"
        )


def cgroups(student: str) -> list[Path]:
    """The control groups of a student: one, or in their first version one for each resource."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / COURSE / student]
    return [CGROUPS / resource / COURSE / student for resource in ("memory", "pids", "cpu")]


def limit(student: str, megabytes: int) -> list[Path]:
    """Limit what a student's programs take together; the files that a program's number must be written to."""
    groups = cgroups(student)
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
        if len(groups) == 1:
            for folder in (group.parent.parent, group.parent):
                (folder / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        limits = {"memory.max": megabytes * MB, "memory.limit_in_bytes": megabytes * MB}
        for name, most in {**limits, "memory.swap.max": 0, "pids.max": 1000}.items():
            if (group / name).exists():
                (group / name).write_text(str(most))
    return [group / "cgroup.procs" for group in groups]


def programs_of(names: list[str]) -> list[int]:
    """The processes of these accounts."""
    numbers = {account(name).pw_uid for name in names if account(name)}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder.stat().st_uid in numbers:
                found.append(int(folder.name))
    return found


# The class


def settings_of(wish: argparse.Namespace) -> dict:
    """What was set when the class was started last, and what is wished now."""
    settings = {
        "students": [],
        "address": "0.0.0.0",
        "port": 8000,
        "certificate": "",
        "key": "",
        "memory": 2000,
        "idle": 60,
        "proxy_token": secrets.token_hex(32),
    }
    if SETTINGS.exists():
        settings |= json.loads(SETTINGS.read_text(encoding="utf-8"))
    for name in ("address", "port", "certificate", "key", "memory", "idle"):
        if getattr(wish, name) is not None:
            settings[name] = getattr(wish, name)
    names = [f"student{number:02}" for number in range(1, (wish.students or 0) + 1)]
    if wish.names:
        lines = wish.names.read_text(encoding="utf-8").lower().splitlines()
        names = [line.strip() for line in lines if line.strip()]
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,19}", name) or name == TEACHER:
            raise ValueError(
                f"{name!r} cannot be a name: a letter from a to z, then up to 19 letters, digits, - and _"
            )
    settings["students"] += [name for name in names if name not in settings["students"]]
    if not settings["students"]:
        raise ValueError("say how many students, make class STUDENTS=30, or a file of names, NAMES=names.txt")
    if bool(settings["certificate"]) != bool(settings["key"]):
        raise ValueError("TLS needs both TLS_CERT and TLS_KEY")
    for file in filter(None, (settings["certificate"], settings["key"])):
        Path(file).read_bytes()
    return settings


def write(file: Path, text: str) -> None:
    """Write a file that root alone may read, whole or not at all."""
    draft = file.with_name(f"{file.name}.new")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def accounts() -> list[str]:
    """The names of all who have an account of the class."""
    return [entry.pw_name for entry in pwd.getpwall() if Path(entry.pw_dir).parent == HOMES]


def account(name: str) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(name)
    return None


def make_account(name: str) -> None:
    found = account(name)
    if found and Path(found.pw_dir) != HOMES / name:
        raise ValueError(f"{name} has an account on this machine already: the class needs another name")
    if not found:
        command = ["useradd", "--home-dir", str(HOMES / name), "--create-home", "--key", "HOME_MODE=0700"]
        subprocess.run([*command, "--shell", "/bin/bash", name], check=True, capture_output=True, text=True)
    (HOMES / name).chmod(0o700)


def as_account(name: str, command: list, **how) -> subprocess.CompletedProcess:
    """Run a program as one of the accounts, with nothing of root's."""
    found = account(name)
    environment = {"PATH": student_path(), "HOME": found.pw_dir, "USER": name, "LANG": "C.UTF-8"}
    return subprocess.run(
        [str(part) for part in command],
        **{"user": found.pw_uid, "group": found.pw_gid, "extra_groups": [], "umask": 0o077, "check": True},
        **{"env": environment | student_environment(), "capture_output": True, "text": True, "cwd": "/"}
        | how,
    )


def student_environment(students: int = 1) -> dict[str, str]:
    """What is set for all programs of a student."""
    threads = str(max(1, (os.cpu_count() or 1) // max(1, students)))
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "MNIST_HELPERS_ARRAYS": str(SHARED / "arrays"),
        "JUPYTER_CONFIG_PATH": str(SHARED / "jupyter"),
        "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1",  # gives back what a training took
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(4 * MB),  # and so do arrays of this size
        **dict.fromkeys(names, threads),
    }


def student_path() -> str:
    return f"{scripts()}:/usr/local/bin:/usr/bin:/bin"


def set_passwords(names: list[str]) -> None:
    """A first password for each name that has none, in the sheet and for the authenticator."""
    from firstuseauthenticator import FirstUseAuthenticator

    known = dict(sheet())
    authenticator = FirstUseAuthenticator(dbm_path=str(HUB / "passwords.dbm"))
    authenticator.log.setLevel("ERROR")
    with dbm.open(authenticator.dbm_path, "c", 0o600) as passwords:
        without = [name for name in names if name not in known or name not in passwords]
    for name in names:
        if name not in known:
            known[name] = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(2))
    table = io.StringIO(newline="")
    csv.writer(table).writerows([("name", "first password"), *known.items()])
    write(SHEET, table.getvalue())
    for name in without:  # also after a deletion in the hub: else whoever comes first would choose one
        authenticator.reset_password(name, known[name])


def sheet() -> list[tuple[str, str]]:
    """Names and first passwords."""
    if not SHEET.exists():
        return []
    with SHEET.open(newline="", encoding="utf-8") as file:
        return [tuple(row) for row in list(csv.reader(file))[1:]]


def close_checkout() -> None:
    """Of the checkout, students read the package and the environment. The rest has the solutions."""
    BUILD.mkdir(exist_ok=True)
    for path in ROOT.iterdir():
        if path.name not in OPEN_TO_STUDENTS and not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o077)


def check_reach(student: str) -> None:
    """See whether a student can start the environment, and cannot read the solutions."""
    try:
        as_account(student, [sys.executable, "-c", "import mnist_helpers, jupyterhub"])
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        raise PermissionError(
            f"students cannot run {sys.executable} ({reason}). They must reach it, and the Python that the "
            f"environment was made with, {Path(sys.base_prefix).resolve()}: put the course into a folder "
            "that all may enter, such as /opt/handwriting, and say make class PYTHON=/usr/bin/python3"
        ) from None


def release(students: list[str]) -> None:
    """Put the student edition and the worksheets where the exchange and the students have them."""
    from mnist_helpers.data import share_mnist
    from tools.publish import make_student

    if not (SHARED / "arrays" / "scaled.npy").exists():
        (SHARED / "arrays").mkdir(exist_ok=True)
        share_mnist(SHARED / "arrays")
    copy, course = SHARED / "copy", HOMES / TEACHER / "course"
    shutil.rmtree(copy, ignore_errors=True)
    (copy / COURSE).mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(make_student(Path(folder, "all.zip"))) as all_,
    ):
        for name in all_.namelist():
            if name.endswith((".ipynb", "glossary.md", "references.md")):
                (copy / COURSE / Path(name).name).write_bytes(all_.read(name))
    as_account(TEACHER, ["mkdir", "-p", course / "release"])
    # As nbgrader makes them, but for the sticky bit: nobody renames what another has handed in.
    for folder, mode in (("", "755"), ("outbound", "755"), ("inbound", "3733")):
        folder = EXCHANGE / COURSE / folder
        as_account(TEACHER, ["mkdir", "-p", "-m", mode, folder])
        if folder.is_symlink() or folder.owner() != TEACHER:
            raise PermissionError(f"{folder} is not the teacher's; look who made it, and delete it")
    worksheets = sorted((BUILD / "worksheets" / "release").glob("*"))
    if not worksheets:
        print("No worksheets are handed out: make worksheets, then make class again.")
    for worksheet in worksheets:
        shutil.copytree(worksheet, copy / worksheet.name)
        if not (EXCHANGE / COURSE / "outbound" / worksheet.name).exists():
            as_account(TEACHER, ["cp", "-R", copy / worksheet.name, course / "release"])
            nbgrader("release_assignment", worksheet.name)
    for path in (SHARED, *SHARED.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for name in [*students, TEACHER]:  # what a student has already stays as it is
        try:
            as_account(name, ["cp", "-Rn", f"{copy}/.", HOMES / name])
        except subprocess.CalledProcessError as error:  # such as a file where the folder should be
            print(f"{name} does not get everything: {error.stderr.strip()}")


def nbgrader(*command: str) -> str:
    """Run nbgrader as the teacher, in the course's folder."""
    course = HOMES / TEACHER / "course"
    run = as_account(
        TEACHER, [Path(scripts(), "nbgrader"), *command, f"--CourseDirectory.root={course}"], cwd=course
    )
    return run.stderr


def scripts() -> str:
    """Where the programs of this environment are."""
    return sysconfig.get_path("scripts")


def write_settings(settings: dict) -> None:
    write(SETTINGS, json.dumps(settings, indent=1))
    (SHARED / "jupyter").mkdir(exist_ok=True)
    files = {
        "nbgrader_config.json": {
            "CourseDirectory": {"course_id": COURSE},
            "Exchange": {"root": str(EXCHANGE)},
        },
        # Kernels listen on sockets in the student's own folder, where no other student can connect.
        "jupyter_server_config.json": {
            "KernelManager": {"transport": "ipc"},
            "ServerApp": {
                "jpserver_extensions": {
                    "nbgrader.server_extensions.formgrader": False,
                    "nbgrader.server_extensions.course_list": False,
                }
            },
        },
    }
    for name, content in files.items():
        (SHARED / "jupyter" / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def start(wish: argparse.Namespace) -> None:
    settings = settings_of(wish)
    everyone, before = [TEACHER, *settings["students"]], {}
    if SETTINGS.exists():
        before = json.loads(SETTINGS.read_text(encoding="utf-8"))
    for folder, mode in ((CLASS, 0o711), (HUB, 0o700), (SHARED, 0o755), (EXCHANGE, 0o1777), (HOMES, 0o711)):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
    for name in everyone:
        make_account(name)
    close_checkout()
    check_reach(settings["students"][0])
    write_settings(settings)
    set_passwords(everyone)
    release(settings["students"])
    if any(before.get(name) != settings[name] for name in ("address", "port", "certificate", "key")):
        end("proxy")
    run_hub(settings)
    print(f"{'name':16}first password", *(f"{name:16}{word}" for name, word in sheet()), sep="\n")
    print(f"This sheet is kept in {SHEET}, for root only.")
    print(f"A password is changed at {url(settings)}/hub/auth/change-password")
    print(f"The class works at {url(settings)} until: make class-stop")


def url(settings: dict) -> str:
    address = settings["address"] if settings["address"] != "0.0.0.0" else socket.gethostname()
    return f"http{'s' if settings['certificate'] else ''}://{address}:{settings['port']}"


# The hub and its proxy


def inner_ports(port: int) -> tuple[int, int]:
    """Of the proxy's API and of the hub: below 1024, where no student can listen while they restart."""
    first = 512 + 2 * (port % 256)
    return first, first + 1


def run_hub(settings: dict) -> None:
    """Start the proxy, unless it runs, and the hub anew: a student's kernel runs on meanwhile."""
    port = settings["port"]
    api, inner = inner_ports(port)
    if not running("proxy"):
        deno, lock = Path(scripts(), "deno"), f"--lock={ROOT / 'tools' / 'classroom_proxy.lock'}"
        stored = {"DENO_DIR": str(HUB / "deno")}
        fetch = [deno, "cache", "--frozen", lock, PROXY]  # from the network once
        subprocess.run(fetch, env=os.environ | stored, check=True, capture_output=True, text=True)
        secure = ["--ssl-cert", settings["certificate"], "--ssl-key", settings["key"]]
        command = [
            *(deno, "run", "--no-prompt", "--cached-only", "--frozen", lock),
            *("--allow-net", "--allow-env", "--allow-sys", "--allow-read", PROXY),
            *("--ip", settings["address"], "--port", port, "--api-ip", "127.0.0.1", "--api-port", api),
            *("--error-target", f"http://127.0.0.1:{inner}/hub/error", "--log-level", "warn"),
            *(secure if settings["certificate"] else []),
        ]
        launch("proxy", command, stored | {"CONFIGPROXY_AUTH_TOKEN": settings["proxy_token"]})
    wait_for(f"http://127.0.0.1:{api}/api/routes", "proxy")
    end("hub")
    config = ROOT / "tools" / "jupyterhub_config.py"
    launch("hub", [sys.executable, "-m", "jupyterhub", "--config", config], {"CLASS_FOLDER": str(CLASS)})
    wait_for(f"http://127.0.0.1:{inner}/hub/api/", "hub")


def launch(name: str, command: list, environment: dict[str, str]) -> None:
    """Start a program that stays when this one ends, with its log and number in the hub's folder."""
    path = f"{scripts()}{os.pathsep}{os.environ['PATH']}"
    environment |= {"PATH": path, "HOME": str(HUB), "LANG": "C.UTF-8"}
    with (HUB / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command if part != ""],
            **{"cwd": HUB, "env": environment, "start_new_session": True},
            **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log},
        )
    (HUB / f"{name}.pid").write_text(str(process.pid))
    while process.poll() is None and not running(name):  # until it is the program that was asked for
        time.sleep(0.1)


def running(name: str) -> int:
    """The number of the hub or its proxy, if it runs; else 0."""
    with suppress(OSError, ValueError):
        number = int((HUB / f"{name}.pid").read_text())
        command = Path(f"/proc/{number}/cmdline").read_bytes()
        if {"hub": b"jupyterhub", "proxy": b"configurable-http-proxy"}[name] in command:
            return number
    return 0


def end(name: str, patience: float = 20) -> None:
    if not (number := running(name)):
        return
    os.kill(number, signal.SIGTERM)
    until = time.monotonic() + patience
    while running(name):
        if time.monotonic() > until:
            os.kill(number, signal.SIGKILL)
        time.sleep(0.1)


def wait_for(address: str, name: str, patience: float = 120) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            if not running(name) or time.monotonic() > until:
                raise OSError(f"the {name} does not start; its log is {HUB / f'{name}.log'}") from None
        time.sleep(0.3)


def stop(wish: argparse.Namespace) -> None:
    for name in ("hub", "proxy"):
        end(name)
    names, begin = accounts(), time.monotonic()
    while (found := programs_of(names)) and (took := time.monotonic() - begin) < 30:
        for number in found:  # servers save nothing when they end: notebooks are files
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL if took > 10 else signal.SIGTERM)
        time.sleep(0.1)
    for group in [group for name in [*names, ""] for group in cgroups(name)]:
        until = time.monotonic() + 5
        while group.exists() and time.monotonic() < until:
            with suppress(OSError):  # a process that has ended may not be gone yet
                group.rmdir()
            time.sleep(0.05)


# Worksheets


def collect(wish: argparse.Namespace) -> None:
    """Fetch the latest of what each student handed in under their own name."""
    shutil.rmtree(COLLECTED, ignore_errors=True)
    COLLECTED.mkdir(mode=0o700)
    inbound = COLLECTED / COURSE / "inbound"
    inbound.mkdir(parents=True)
    for folder in sorted((EXCHANGE / COURSE / "inbound").iterdir()):
        try:
            fetch(folder, inbound / folder.name)
        except (OSError, ValueError, KeyError, subprocess.SubprocessError, tarfile.TarError) as error:
            print(f"not collected: {folder.name}: {error}")
    teacher = account(TEACHER)
    for path in (COLLECTED, *COLLECTED.rglob("*")):
        os.chown(path, teacher.pw_uid, teacher.pw_gid)
    for worksheet in sorted((EXCHANGE / COURSE / "outbound").iterdir()):
        nbgrader("collect", worksheet.name, "--update", f"--Exchange.root={COLLECTED}")
    found = [path for path in submitted().glob("*/*") if path.is_dir()]
    print(f"{len(found)} worksheets were handed in. To grade them: make grade FOLDER={submitted()}")


def fetch(folder: Path, target: Path) -> None:
    """Copy the files of a folder that was handed in, as its owner: a link leads to nothing else."""
    from nbgrader.utils import parse_utc

    owner = pwd.getpwuid(folder.lstat().st_uid).pw_name
    name, _, handed_in, _ = folder.name.split("+")
    if name != owner:
        raise ValueError(f"handed in by {owner} under another name")
    parse_utc(handed_in)
    command = ["sh", "-c", 'cd "$1" && tar -c . | head -c "$2"', "sh", folder, LARGEST]
    packed = as_account(owner, command, text=False, timeout=60).stdout
    target.mkdir()
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        for file in files:
            if file.isreg() and file.name.count("/") == 1:
                (target / Path(file.name).name).write_bytes(files.extractfile(file).read())
    (target / "timestamp.txt").write_text(handed_in)


def submitted() -> Path:
    return HOMES / TEACHER / "course" / "submitted"


def give_back(wish: argparse.Namespace) -> None:
    """Hand each feedback to the student who handed in what it is about, and to nobody else."""
    teacher, worksheets = account(TEACHER), set()
    for page in sorted((wish.feedback or Path(f"{submitted()}-graded", "feedback")).glob("*/*/*.html")):
        student, worksheet = page.parent.parent.name, page.parent.name
        folder = submitted().with_name("feedback") / student / worksheet
        folder.mkdir(parents=True, exist_ok=True)
        for file in (page, *(submitted() / student / worksheet).glob("*.txt")):  # when, and nbgrader's secret
            shutil.copy(file, folder)
        for path in (folder.parent.parent, folder.parent, folder, *folder.iterdir()):
            os.chown(path, teacher.pw_uid, teacher.pw_gid)
        worksheets.add(worksheet)
    for worksheet in sorted(worksheets):
        nbgrader("release_feedback", worksheet)
    print(f"given back: {', '.join(sorted(worksheets)) or 'nothing'}")


def remove(wish: argparse.Namespace) -> None:
    """Delete the class, after a question."""
    names = accounts()
    question = f"Delete {len(names)} accounts and all their files, hand-ins and marks too? (yes) "
    if sys.stdin.isatty() and input(question) != "yes":
        return
    stop(wish)
    for name in names:
        if (found := account(name)) and Path(found.pw_dir) == HOMES / name:
            subprocess.run(["userdel", "--remove", name], check=True, capture_output=True, text=True)
    shutil.rmtree(CLASS)


if __name__ == "__main__":
    main()
