"""Measure what a class takes: ``python -m tools.measure_class memory``, ``processor`` or ``load``.

``memory``     how much memory a kernel takes for itself, through lessons in the student edition
``processor``  how long 02's training takes when several students train at once
``load``       students who log in, run a lesson and hand in a worksheet, while the hub restarts (as root)

The first two set what `make class` sets, the last needs a class that has been started. Each writes its part
of tools/class.json.
"""

import argparse
import contextlib
import json
import os
import queue
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
import websocket
from jupyter_client import KernelManager
from nbformat import NotebookNode

from mnist_helpers.data import share_mnist
from mnist_helpers.files import write_whole
from tools.course import NOTEBOOKS, ROOT, read, tags
from tools.measure_training import machine

RECORD = ROOT / "tools" / "class.json"
LESSONS = ("02_mlp", "03_cnn", "04_deep_cnn", "06_draw_your_own")
SERVER = "jupyterhub-singleuser"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = {"memory": memory, "processor": processor, "load": load}
    parser.add_argument("command", choices=commands)
    parser.add_argument("--students", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--lesson", default="02_mlp")
    wish = parser.parse_args()
    measured = commands[wish.command](wish) | {"machine": machine()}
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record[wish.command] = measured
    print(json.dumps(record[wish.command], indent=1))
    with write_whole(RECORD.parent) as drafts:
        (drafts / RECORD.name).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def cells_of(lesson: str) -> list[NotebookNode]:
    """The code cells of a lesson in the student edition."""
    (path,) = (path for path in NOTEBOOKS if path.stem == lesson)
    return [cell for cell in read(path).cells if cell.cell_type == "code" and "solution" not in tags(cell)]


# Memory


def private(pid: int) -> float:
    """MB that a process has for itself, and would not share with others that do the same."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Private_Dirty: *(\d+)", text)[1]) / 1024


class Watched:
    """A kernel whose memory is looked at ten times a second."""

    def __init__(self, environment: dict[str, str]):
        self.manager = KernelManager()
        self.manager.start_kernel(
            env=os.environ | environment, cwd=str(ROOT / "notebooks"), extra_arguments=["--log-level=ERROR"]
        )
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=300)
        self.pid, self.peak, self.ended = self.manager.provisioner.pid, 0.0, threading.Event()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        while not self.ended.wait(0.1):
            self.peak = max(self.peak, private(self.pid))

    def run(self, code: str) -> None:
        reply = self.client.execute_interactive(code, timeout=3600, output_hook=lambda _: None)
        assert reply["content"]["status"] == "ok", reply["content"]

    def end(self) -> None:
        self.ended.set()
        time.sleep(0.3)
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def memory(wish: argparse.Namespace) -> dict:
    from tools.classroom import student_environment

    record = {}
    with tempfile.TemporaryDirectory() as folder:
        share_mnist(Path(folder))
        in_class = student_environment(30) | {"MNIST_HELPERS_ARRAYS": folder}
        for lesson in LESSONS:
            for place, environment in (("alone", {}), ("in class", in_class)):
                kernel = Watched(environment)
                for cell in cells_of(lesson):
                    kernel.run(cell.source)
                megabytes = {"end": round(private(kernel.pid)), "peak": round(kernel.peak)}
                record.setdefault(lesson[:2], {})[place] = megabytes
                kernel.end()
                print(lesson, place, megabytes, flush=True)
    return {"megabytes": record}


# Processor

TRAINING = """
import sys
from mnist_helpers import load_splits, quiet_start
with quiet_start():
    import keras
    from keras import layers
(x_train, y_train), (x_val, y_val), _ = load_splits("flat")
{building}
{compiling}
model.fit(x_train[:320], y_train[:320], batch_size=32, validation_data=(x_val[:320], y_val[:320]), verbose=0)
print("ready", flush=True)
sys.stdin.readline()
model.fit(x_train, y_train, batch_size=32, validation_data=(x_val, y_val), verbose=0)
print("done", flush=True)
"""
EPOCHS = 5  # of the live training in 02
ROUNDS = 3


def train_at_once(students: int, folder: str) -> float:
    """Seconds until the last of so many students has trained 02's network: five times those of one epoch."""
    from tools.classroom import student_environment

    sources = [cell.source for cell in cells_of("02_mlp")]
    building = "SEED = 1998\n" + next(source for source in sources if "model = keras.Sequential" in source)
    compiling = next(source for source in sources if source.startswith("model.compile("))
    program = TRAINING.format(building=building.replace("model.summary()", ""), compiling=compiling)
    environment = os.environ | student_environment(students) | {"MNIST_HELPERS_ARRAYS": folder}
    command = [sys.executable, "-c", program]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, env=environment, **pipes) for _ in range(students)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    begin = time.perf_counter()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout.readline() == "done\n"
    seconds = time.perf_counter() - begin
    for process in processes:
        process.wait()
    return EPOCHS * seconds


def processor(wish: argparse.Namespace) -> dict:
    """Seconds by students at once, each with the threads that `make class` gives: medians of rounds."""
    measured = {students: [] for students in wish.students}
    with tempfile.TemporaryDirectory() as folder:
        share_mnist(Path(folder))
        for _ in range(ROUNDS):
            for students, seconds in measured.items():
                seconds.append(train_at_once(students, folder))
                print(f"{students} students: {seconds[-1]:.1f} s", flush=True)
    medians = {students: round(statistics.median(seconds), 1) for students, seconds in measured.items()}
    return {"seconds": medians, "rounds": ROUNDS}


# Load


class Student:
    """A student, as far as the server can tell: logs in, opens notebooks, runs cells, hands in."""

    def __init__(self, hub: str, name: str, password: str):
        self.hub, self.name, self.server = hub, name, f"{hub}/user/{name}"
        self.session = requests.Session()
        self.session.get(f"{hub}/hub/login", timeout=120).raise_for_status()
        form = {"username": name, "password": password, "_xsrf": self.cookie("/hub/")}
        answer = self.session.post(f"{hub}/hub/login", data=form, timeout=120, allow_redirects=False)
        if answer.status_code != 302:
            raise PermissionError(f"{name} cannot log in: {answer.status_code}")

    def cookie(self, path: str) -> str:
        return self.session.cookies.get("_xsrf", path=path)

    def open_server(self, patience: float = 600) -> None:
        """Start the server and wait for JupyterLab, as the page that says so does."""
        until = time.monotonic() + patience
        self.session.get(f"{self.hub}/hub/spawn/{self.name}", timeout=300)
        while True:
            page = self.session.get(f"{self.server}/lab", timeout=300)
            if page.ok and page.url.startswith(f"{self.server}/lab"):
                return
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name}: {page.status_code} {page.url}")
            time.sleep(1)

    def api(self, method: str, path: str, **content) -> requests.Response:
        headers = {"X-XSRFToken": self.cookie(f"/user/{self.name}/")}
        return self.session.request(method, f"{self.server}/{path}", headers=headers, timeout=300, **content)

    def start_kernel(self, notebook: str) -> None:
        """Open a notebook: a session of JupyterLab, with a kernel."""
        wish = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        answer = self.api("POST", "api/sessions", json=wish)
        answer.raise_for_status()
        path = f"/user/{self.name}/"
        ours = [cookie for cookie in self.session.cookies if path.startswith(cookie.path)]
        address = f"{self.server}/api/kernels/{answer.json()['kernel']['id']}/channels"
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ours)
        self.socket = websocket.create_connection(address.replace("http", "ws", 1), cookie=cookies)
        self.messages = queue.Queue()
        threading.Thread(target=self.listen, args=(self.socket, self.messages), daemon=True).start()

    def listen(self, socket: websocket.WebSocket, messages: queue.Queue) -> None:
        """Read what the kernel says, and answer the server's pings, also while nothing runs."""
        with contextlib.suppress(websocket.WebSocketException, OSError):
            while True:
                messages.put(socket.recv())

    def run(self, code: str) -> tuple[str, str]:
        """Run a cell: what it printed, and the name of its error, "dead" if the kernel died, or nothing."""
        wish = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        message = {"header": header | {"username": "", "session": ""}, "content": wish, "channel": "shell"}
        self.socket.send(json.dumps(message | {"parent_header": {}, "metadata": {}}))
        printed, error, idle = "", None, False
        while error is None or not idle:
            received = self.messages.get(timeout=1800)
            if isinstance(received, bytes):
                continue  # a widget's bytes
            message = json.loads(received)
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] in ("restarting", "dead"):
                return printed, "dead"
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if kind == "stream":
                printed += content["text"]
            elif kind == "execute_reply":
                error = content.get("ename", "")
            elif kind == "status":
                idle = content["execution_state"] == "idle"
        return printed, error

    def hand_in(self, worksheet: str) -> None:
        """Press Submit in nbgrader's list of assignments."""
        wish = {"assignment_id": worksheet, "course_id": "handwriting"}
        answer = self.api("POST", "assignments/submit", json=wish)
        answer.raise_for_status()
        if not answer.json()["success"]:
            raise ValueError(answer.json())


def load(wish: argparse.Namespace) -> dict:
    """All students of the class work through a lesson at once; the hub restarts in the middle."""
    from tools import classroom

    settings = json.loads(classroom.SETTINGS.read_text(encoding="utf-8"))
    hub, passwords = classroom.url(settings), dict(classroom.sheet())
    sources, half = [cell.source for cell in cells_of(wish.lesson)], threading.Event()
    worksheet = sorted((classroom.EXCHANGE / classroom.COURSE / "outbound").iterdir())[0].name
    begin, megabytes = time.perf_counter(), {"server": [], "student": []}

    def work(name: str) -> dict:
        times = {}

        def note(what: str) -> None:
            times[what] = round(time.perf_counter() - begin, 1)

        student = Student(hub, name, passwords[name])
        note("logged in")
        student.open_server()
        note("server")
        student.start_kernel(f"{classroom.COURSE}/{wish.lesson}.ipynb")
        note("kernel")
        for number, source in enumerate(sources):
            printed, error = student.run(source)
            if error:
                raise RuntimeError(f"{name}, cell {number}: {error} {printed}")
            if number == len(sources) // 2:
                half.set()
        note("lesson")
        pids = classroom.programs_of([name])
        servers = [pid for pid in pids if SERVER in Path(f"/proc/{pid}/cmdline").read_text()]
        megabytes["server"].append(round(sum(map(private, servers))))
        megabytes["student"].append(round(sum(map(private, pids))))
        student.hand_in(worksheet)
        note("handed in")
        return times

    with ThreadPoolExecutor(len(settings["students"])) as pool:
        jobs = {name: pool.submit(work, name) for name in settings["students"]}
        while not half.wait(1) and not all(job.done() for job in jobs.values()):
            pass
        classroom.run_hub(settings)
        restarted = round(time.perf_counter() - begin, 1)
        results, failed = {}, {}
        for name, job in jobs.items():
            try:
                results[name] = job.result()
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"
    classroom.collect(wish)
    found = sorted(path.parent.name for path in classroom.submitted().glob(f"*/{worksheet}"))
    return {
        "lesson": wish.lesson,
        "students": len(jobs),
        "failed": failed,
        "handed in": len(found),
        "hub restarted after seconds": restarted,
        "most megabytes": {what: max(numbers, default=0) for what, numbers in megabytes.items()},
        "seconds until the last": {
            what: max(times[what] for times in results.values()) for what in next(iter(results.values()), {})
        },
    }


if __name__ == "__main__":
    main()
