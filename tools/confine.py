"""Run a program that nobody has read: with few files, no network, and limits.

This file is a program, too: ``python confine.py SETTINGS PROGRAM ARGUMENT ...`` confines itself, then becomes
the program. Everything here is the operating system's:

- Namespaces, where `unshare` may make them: a root folder with few others in it, no network, and no process
  but its own to see or to signal.
- Landlock (Linux 5.13 or later) lets the program open only the files that it is allowed to. No rights are
  needed for it. Alone, it leaves open the sockets of other programs, such as that of a desktop session.
- Whoever is root becomes nobody; where nobody can run no Python, root without its powers.
- Limits of the system (setrlimit) for memory, for the size of a file, for the number of processes.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

NOBODY = 65534
READ = 0b1101  # execute a file, read it, list a folder
FILE_ONLY = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14  # what can be allowed for a file that is no folder
OF_ETC = ["fonts", "group", "hosts", "ld.so.cache", "localtime", "nsswitch.conf", "passwd", "ssl/openssl.cnf"]
SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/sys/devices/system"]
SYSTEM += ["/etc/alternatives", *(f"/etc/{name}" for name in OF_ETC)]
DEVICES = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]
NOSUID, NODEV, NOEXEC, REMOUNT, BIND, RECURSIVE, RELATIME = 2, 4, 8, 1 << 5, 1 << 12, 1 << 14, 1 << 21


def call(function, *arguments) -> int:
    """Call a function of the C library; its error is an OSError."""
    if (result := function(*arguments)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def landlock_version() -> int:
    """0 where the system has no Landlock."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def allow_only(readable: list[str], writable: list[str]) -> None:
    """Have Landlock deny this process, and all that it starts, every other file, and TCP where it can."""
    version, syscall = landlock_version(), ctypes.CDLL(None, use_errno=True).syscall
    everything = (1 << (13 if version < 2 else 14 if version < 3 else 15)) - 1

    class Ruleset(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]

    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]

    size = ctypes.c_size_t(8 if version < 4 else 16 if version < 6 else 24)
    none = ctypes.c_uint32(0)
    ruleset = call(syscall, 444, ctypes.byref(Ruleset(everything, 0b11, 0b11)), size, none)
    for paths, allowed in ((readable, READ), (writable, everything)):
        for path in filter(os.path.exists, paths):
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed_here = allowed if os.path.isdir(path) else allowed & FILE_ONLY
            beneath = Beneath(allowed_here & everything, folder)
            call(syscall, 445, ruleset, ctypes.c_int(1), ctypes.byref(beneath), none)
            os.close(folder)
    call(syscall, 446, ruleset, none)


def enter_root_of(readable: list[str], folder: str) -> None:
    """Have this process see a root folder that has these files and folders only; the rest needs no hiding."""
    mount_it = ctypes.CDLL(None, use_errno=True).mount

    def mount(source: str, target: str, kind: str, flags: int) -> None:
        call(mount_it, source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None)

    root = f"{os.path.dirname(folder)}/root"  # not in the folder, or Landlock would take it for a part of it
    os.mkdir(root)
    own = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    mount("none", root, "tmpfs", NOSUID | NODEV)
    os.chmod(root, 0o755)
    for path in filter(os.path.exists, readable):
        target = root + path
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        if os.path.islink(path):
            os.symlink(os.readlink(path), target)
            continue
        os.makedirs(target, exist_ok=True) if os.path.isdir(path) else Path(target).touch()
        mount(path, target, "", BIND | RECURSIVE)
        has = os.statvfs(path).f_flag  # what a mount has must not be taken from it
        kept = has & (NOSUID | NODEV | NOEXEC | 1 << 10 | 1 << 11) | (RELATIME if has & 1 << 12 else 0)
        if path not in DEVICES:
            mount("none", target, "", REMOUNT | BIND | kept | 1)
    os.makedirs(f"{root}/proc", exist_ok=True)
    try:
        mount("proc", f"{root}/proc", "proc", NOSUID | NODEV | NOEXEC)
    except OSError:  # in some containers
        mount("/proc", f"{root}/proc", "", BIND | RECURSIVE)
    os.makedirs(root + folder, exist_ok=True)
    mount(f"/proc/self/fd/{own}", root + folder, "", BIND)
    mount("none", root, "", REMOUNT | NOSUID | NODEV | 1)
    os.chroot(root)
    os.chdir(folder)
    os.close(own)


def adopt_orphans() -> None:
    """Have what is started from here, and outlives what has started it, stay below this process."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def limit(hard: bool = True, **limits: int) -> None:
    """Set limits of the system for this process and what it starts, which may be lifted again if not hard."""
    if os.name == "posix":
        import resource

        for name, most in limits.items():
            number = getattr(resource, f"RLIMIT_{name}")
            resource.setrlimit(number, (most, most if hard else resource.getrlimit(number)[1]))


def is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


@cache
def namespaces() -> tuple[str, ...]:
    """The command that gives a program namespaces of its own, if this system lets us."""
    whoami = () if is_root() else ("--user", "--map-root-user")
    own = ("unshare", *whoami, "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child")
    if not sys.platform.startswith("linux") or not shutil.which("unshare"):
        return ()
    return own if runs(own, settings_of([], nobody=False, namespaces=True)) else ()


@cache
def becomes_nobody() -> bool:
    """Whether this is root, and nobody can run this Python: it may be closed to others."""
    return is_root() and runs(namespaces(), settings_of([], nobody=True, namespaces=bool(namespaces())))


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder for a program to write to, within one that is closed to others."""
    with tempfile.TemporaryDirectory(prefix="ws-", ignore_cleanup_errors=True) as closed:
        folder = Path(closed).resolve() / "own"
        folder.mkdir()
        yield folder


def runs(own: tuple[str, ...], settings: dict) -> bool:
    with own_folder() as folder:
        command = [*own, sys.executable, "-P", __file__, json.dumps({**settings, "folder": str(folder)})]
        run = subprocess.run([*command, sys.executable, "-c", ""], capture_output=True, check=False)
    return run.returncode == 0


def settings_of(readable: list[Path], *, nobody: bool, namespaces: bool, **limits: int) -> dict:
    python = [sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib")]
    paths = dict.fromkeys([*SYSTEM, *DEVICES, *python, *map(str, readable)])
    means = {"nobody": nobody, "namespaces": namespaces, "landlock": bool(landlock_version())}
    return {"readable": [*paths], **means, "limits": limits}


def command(folder: Path, program: list[str], readable: list[Path], **limits: int) -> list[str]:
    """The command that runs a program in a folder of `own_folder`, the only one that it can write to.

    Limits are those of setrlimit: DATA and FSIZE in bytes.
    """
    settings = settings_of(readable, nobody=becomes_nobody(), namespaces=bool(namespaces()), **limits)
    text = json.dumps({**settings, "folder": str(folder)})
    return [*namespaces(), sys.executable, "-P", __file__, text, *program]


def main() -> None:
    settings, program = json.loads(sys.argv[1]), sys.argv[2:]
    folder, readable, nobody = settings["folder"], settings["readable"], settings["nobody"]
    os.chdir(folder)
    if nobody:
        for path in [Path(folder).parent, *Path(folder).parent.rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    if settings["namespaces"]:
        enter_root_of(readable, folder)
    if sys.platform.startswith("linux"):
        for capability in range(64):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # what no program of root gets any more
    if nobody:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if settings["landlock"]:
        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no program that it starts may gain rights
        allow_only([*readable, "/proc"], [folder, *DEVICES])
    # Nobody's processes are ours; of another user we cannot say.
    limit(CORE=0, **settings["limits"], **({"NPROC": 1000} if nobody else {}))
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS", "2")
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        **dict.fromkeys(("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR", "JUPYTER_RUNTIME_DIR"), folder),
        **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), threads),
        "PYTHONPATH": folder,
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "NBGRADER_EXECUTION": "autograde",
    }
    os.execve(program[0], program, environment)


if __name__ == "__main__":
    main()
