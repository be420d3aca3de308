"""Measure the times that the texts quote: ``make bench``.

Each notebook is executed once. The time that it takes, with the start of its kernel, goes into
run_times.json beside this file, together with what it was measured on. So do the time that a process
takes to import the package, over that of an empty process, and the time to load the data.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import course

RESULT = Path(__file__).with_suffix(".json")


def main() -> None:
    seconds = {}
    for path in course.NOTEBOOKS:
        seconds[path.stem] = round(course.execute(path)[1], 1)
        print(f"{path.stem:20}{seconds[path.stem]:7.1f} s")

    statements = {
        "nothing": "",
        "import": "import mnist_helpers",
        "load_mnist": "import mnist_helpers; mnist_helpers.load_mnist()",
        "load_splits": "import mnist_helpers; mnist_helpers.load_splits('flat')",
    }
    whole = {name: process_seconds(statement) for name, statement in statements.items()}
    package = {name: round(whole[name] - whole["nothing"], 3) for name in statements if name != "nothing"}
    for name, value in package.items():
        print(f"{name:20}{value:7.3f} s")

    record = {
        "seconds": seconds,
        "package_seconds": package,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    course.write_whole(RESULT, json.dumps(record, indent=1) + "\n")


def process_seconds(statement: str) -> float:
    """Median time of a whole process, over 5 after one that warms the disk's cache."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
