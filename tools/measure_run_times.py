"""Measure how long each notebook runs, with the start of its kernel: ``make bench``."""

import json

from mnist_helpers.files import write_whole
from tools.course import NOTEBOOKS, ROOT
from tools.execute import execute
from tools.measure_training import machine


def main() -> None:
    seconds = {}
    for path in NOTEBOOKS:
        seconds[path.stem] = round(execute(path)[1], 1)
        print(f"{path.stem:20}{seconds[path.stem]:7.1f} s")
    record = {"seconds": seconds, **machine()}
    with write_whole(ROOT / "tools") as drafts:
        (drafts / "run_times.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
