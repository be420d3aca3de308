"""Run a program that nobody has read: with few files, no network, and limits.

This file is a program, too: ``python confine.py SETTINGS PROGRAM ARGUMENT ...`` confines itself, then becomes
the program. Everything here is the operating system's:

- Landlock (Linux 5.13 or later) lets the program open only the files that it is allowed to. No rights are
  needed for it.
- Namespaces, where `unshare` may make them: no network, and no process but its own to see or to signal.
- Whoever is root becomes nobody first; where nobody may not run Python, root without its powers.
- Limits of the system (setrlimit) for memory, for the size of a file, for the number of processes.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

NOBODY = 65534
READ = 0b1101  # execute a file, read it, list a folder
FILE_ONLY = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14  # what can be allowed for a file that is no folder
SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc", "/proc", "/sys/devices/system", "/opt/conda"]
DEVICES = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]


def landlock_version() -> int:
    """0 where the system has no Landlock."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def allow_only(readable: list[str], writable: list[str]) -> None:
    """Have Landlock deny this process, and all that it starts, every other file, and TCP where it can."""
    version, libc = landlock_version(), ctypes.CDLL(None, use_errno=True)
    everything = (1 << (13 if version < 2 else 14 if version < 3 else 15)) - 1

    class Ruleset(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]

    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]

    def call(number: int, *arguments) -> int:
        if (result := libc.syscall(number, *arguments)) < 0:
            raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
        return result

    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = call(
        444, ctypes.byref(Ruleset(everything, 0b11, 0b11)), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    for paths, allowed in ((readable, READ), (writable, everything)):
        for path in filter(os.path.exists, paths):
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed_here = allowed if os.path.isdir(path) else allowed & FILE_ONLY
            beneath = Beneath(allowed_here & everything, folder)
            call(445, ruleset, ctypes.c_int(1), ctypes.byref(beneath), ctypes.c_uint32(0))
            os.close(folder)
    libc.prctl(38, 1, 0, 0, 0)  # no program that it starts may gain rights
    call(446, ruleset, ctypes.c_uint32(0))


def is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


@cache
def becomes_nobody() -> bool:
    """Whether this is root, and nobody may run this Python, which may lie in a closed folder."""
    if not is_root():
        return False
    python = [sys.executable, "-c", ""]
    try:
        subprocess.run(python, user=NOBODY, extra_groups=[], cwd="/", capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@cache
def namespaces() -> tuple[str, ...]:
    """The command that gives a program namespaces of its own, as far as this system lets us."""
    whoami = () if is_root() else ("--user", "--map-current-user")
    own = ("unshare", *whoami, "--net", "--ipc", "--pid", "--fork", "--kill-child")
    if sys.platform.startswith("linux") and shutil.which("unshare"):
        for command in ((*own, "--mount-proc"), own):
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    return ()


def command(
    folder: Path, program: list[str], *, readable: list[Path], megabytes: int, file_megabytes: int
) -> list[str]:
    """The command that runs a program in a folder, the only one that it can write to."""
    python = [sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib")]
    settings = {
        "folder": str(folder),
        "readable": [*SYSTEM, *DEVICES, *map(str, python), *map(str, readable)],
        "nobody": becomes_nobody(),
        "bytes": megabytes * 2**20,
        "file_bytes": file_megabytes * 2**20,
    }
    return [*namespaces(), sys.executable, "-P", __file__, json.dumps(settings), *program]


def main() -> None:
    settings, program = json.loads(sys.argv[1]), sys.argv[2:]
    folder, nobody = settings["folder"], settings["nobody"]
    os.chdir(folder)
    if nobody:
        for path in [Path(folder), *Path(folder).rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    if landlock_version():
        allow_only(settings["readable"], [folder, *DEVICES])
    if nobody:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    elif is_root() and sys.platform.startswith("linux"):
        for capability in range(64):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # out of what a program of root is given
    if os.name == "posix":
        import resource

        limits = {"DATA": settings["bytes"], "FSIZE": settings["file_bytes"], "CORE": 0}
        if nobody:  # nobody's processes are ours; of another user we cannot say
            limits["NPROC"] = 1000
        for name, limit in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
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
