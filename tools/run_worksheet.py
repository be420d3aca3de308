"""Run a worksheet that was handed in, where it can do no harm and for as long as it may.

nbgrader's own execution, in a kernel that is confined (`confine.py`), started in a process of its own:
``python -m tools.run_worksheet NOTEBOOK LIMITS``.
"""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_locked

import mnist_helpers
from tools import confine
from tools.course import ROOT

HELPERS = Path(mnist_helpers.__file__).parent
FILES = 5


@dataclass(frozen=True)
class Limits:
    """What a notebook that was handed in may use up."""

    cell_seconds: int = 60
    seconds: int = 300  # all of it
    megabytes: int = 3000  # of memory
    file_megabytes: int = 50  # of one file; of all together, FILES times that
    output_characters: int = 200_000  # of one cell


class Manager(AsyncKernelManager):
    """Starts the kernel in a folder of its own, confined; it talks through sockets in that folder."""

    folder: Path
    limits: Limits

    def __init__(self, **settings):
        super().__init__(transport="ipc", connection_file=str(self.folder / "kernel.json"), **settings)

    async def _async_launch_kernel(self, kernel_cmd, **settings) -> None:
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        await super()._async_launch_kernel(kernel_cmd, **settings | nowhere)

    def format_kernel_cmd(self, extra_arguments=None) -> list[str]:
        kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", self.connection_file]
        return confined(self.folder, [*kernel, "--HistoryManager.hist_file=:memory:"], self.limits)


def confined(folder: Path, program: list[str], limits: Limits) -> list[str]:
    """The command that runs a program with no more than the course's package, and a folder to write to."""
    link = folder / "mnist_helpers"
    if not link.exists():
        link.symlink_to(HELPERS)
    sizes = {"DATA": limits.megabytes * 2**20, "FSIZE": limits.file_megabytes * 2**20}
    return confine.command(folder, program, [HELPERS], **sizes)


class Run(Execute):
    """nbgrader's execution, which gives up when a cell ends its kernel, takes too long or too much."""

    def __init__(self, limits: Limits, manager: type[Manager], deadline: float):
        super().__init__(kernel_manager_class=manager, timeout_func=self.allowed, startup_timeout=120)
        self.interrupt_on_timeout, self.shutdown_kernel = False, "immediate"
        self.limits, self.deadline = limits, deadline
        self.now, self.printed, self.reason = None, 0, ""

    def allowed(self, cell: NotebookNode) -> int:
        """Seconds for a cell. What the course itself imports and prepares may take long on a busy machine."""
        own = is_locked(cell) and not is_grade(cell)
        return self.limits.seconds if own else self.limits.cell_seconds

    def preprocess_cell(self, cell, resources, index):
        self.now, self.printed = index, 0
        return super().preprocess_cell(cell, resources, index)

    def on_cell_executed(self, **about):
        super().on_cell_executed(**about)
        payload = about["execute_reply"]["content"].get("payload") or []
        if any(part.get("source") == "ask_exit" for part in payload):  # it will when the cell is through
            self.reason = "it ended the kernel"
        self.reason = self.reason or self.written()
        if self.reason:
            raise RuntimeError(self.reason)

    def output(self, outs, msg, display_id, cell_index):
        self.printed += sum(len(str(part)) for part in msg["content"].values())
        if self.printed > self.limits.output_characters:
            self.stop(f"it printed more than {self.limits.output_characters:,} characters")
            return None
        return super().output(outs, msg, display_id, cell_index)

    def stop(self, reason: str) -> None:
        """Kill the kernel, and say why."""
        self.reason = self.reason or reason
        if self.km and self.km.has_kernel:
            kill(*children(os.getpid()))

    def watch(self) -> None:
        """In a thread: stop what the kernel's own limits do not, since it may start further processes."""
        megabytes = self.limits.megabytes
        while not self.done.wait(0.5):
            if time.monotonic() > self.deadline:
                self.stop(f"the notebook took more than {self.limits.seconds} seconds")
            elif sum(memory(child) for child in children(os.getpid())) > megabytes * 2**20:
                self.stop(f"it took more than {megabytes} MB of memory")
            elif problem := self.written():
                self.stop(problem)

    def written(self) -> str:
        """What is wrong with what is on disk."""
        megabytes = FILES * self.limits.file_megabytes
        found = os.walk(self.kernel_manager_class.folder)  # goes on if a folder is gone meanwhile
        total = sum(size(Path(folder, file)) for folder, _, files in found for file in files)
        return f"it wrote more than {megabytes} MB to disk" if total > megabytes * 2**20 else ""

    def run(self, notebook: NotebookNode) -> str:
        """Run all cells, in place. Gives what is wrong with the cell at which that ended, or nothing."""
        self.done = threading.Event()
        watcher = threading.Thread(target=self.watch, daemon=True)
        watcher.start()
        try:
            self.preprocess(notebook, {})
        except CellTimeoutError:
            return f"it took more than {self.limits.cell_seconds} seconds"
        except (DeadKernelError, RuntimeError):
            return self.reason or "it ended the kernel"
        finally:
            self.done.set()
            watcher.join()
        return ""


def run(path: Path, limits: Limits, attempts: int = 6) -> list[str]:
    """Run a notebook's cells, and write them back with what they gave.

    A cell that ends its kernel, or takes too long or too much, is an error, and the others run once more
    without it: so one such cell costs no more than one that fails.
    """
    handed_in, notes = nbformat.read(path, as_version=4), []
    sources = [cell.source for cell in handed_in.cells]
    handed_in.cells.append(nbformat.v4.new_code_cell("assert False, 'this must fail'"))
    deadline = time.monotonic() + limits.seconds
    for _ in range(attempts):
        notebook = deepcopy(handed_in)
        with confine.own_folder() as folder:
            manager = type("OwnManager", (Manager,), {"folder": folder, "limits": limits})
            one = Run(limits, manager, deadline)
            problem = one.run(notebook)
            kill(*children(os.getpid()))
        if not problem:
            break
        if one.now is None or time.monotonic() > deadline:
            return stopped(path, [*notes, f"not run: {problem}"])
        notes.append(f"cell {one.now + 1} was stopped: {problem}")
        handed_in.cells[one.now].source = f"raise RuntimeError({('stopped: ' + problem)!r})"
    else:
        return stopped(path, [*notes, "not run: too many cells were stopped"])
    if not any(output.output_type == "error" for output in notebook.cells.pop().outputs):
        notes.append(
            "to be looked at: an assert that must fail did not, so the checks may have been switched off"
        )
    for cell, source in zip(notebook.cells, sources, strict=True):
        cell.source = source
        if is_grade(cell) and cell.cell_type == "code":
            # What a check prints or shows does not count, only whether it fails.
            cell.outputs = [output for output in cell.outputs if output.output_type == "error"]
    nbformat.write(notebook, path)
    return notes


def stopped(path: Path, notes: list[str]) -> list[str]:
    """Have a notebook show that it was not run: no check has passed, and its answers can be read."""
    notebook, error = nbformat.read(path, as_version=4), {"ename": "NotRun", "evalue": notes[-1]}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("error", **error, traceback=[notes[-1]])]
    nbformat.write(notebook, path)
    return notes


def children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def memory(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def kill(*processes: psutil.Process) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


def run_apart(path: Path, limits: Limits) -> list[str]:
    """Run a notebook in a process of its own, so that nothing it does can reach those of the others."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.run_worksheet", str(path), json.dumps(asdict(limits))],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=limits.seconds + 120)
        return json.loads(stdout)
    except subprocess.TimeoutExpired:
        problem = f"took more than {limits.seconds} seconds, and did not end when told to"
    except ValueError:
        problem = f"ended its run: {stderr.strip().splitlines()[-1:] or process.returncode}"
    finally:
        kill(*children(process.pid))
        process.kill()
        process.wait()
    return stopped(path, [f"not run: it {problem}"])


def unprotected(paths: list[Path], limits: Limits) -> list[str]:
    """Which of these files a program can read although it is confined as the notebooks are."""
    program = (
        "import sys\nfor path in sys.argv[1:]:\n try: open(path).read(1); print(path)\n except OSError: pass"
    )
    with confine.own_folder() as folder:
        command = confined(folder, [sys.executable, "-c", program, *map(str, paths)], limits)
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"A program cannot be confined here: {run.stderr.strip()}")
    return run.stdout.splitlines()


def held() -> list[str]:
    """What keeps a notebook from other files, from processes and from the network, here."""
    parts = {
        "namespaces (files, processes, network)": confine.namespaces(),
        "Landlock (files)": confine.landlock_version(),
        "another user": confine.becomes_nobody(),
        "limits of time, memory, output and disk": True,
    }
    return [name for name, holds in parts.items() if holds]


if __name__ == "__main__":
    confine.adopt_orphans()
    confine.limit(hard=False, DATA=2 * 2**30)  # of this process, whatever the kernel sends
    print(json.dumps(run(Path(sys.argv[1]), Limits(**json.loads(sys.argv[2])))))
