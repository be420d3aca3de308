"""Measure how fast a network trains in the page, beside other libraries in JavaScript: ``make bench``.

All train the same networks on the same batches, in turn, in one process of deno. That fetches the others
from npm; the project has no other use for them.
"""

import subprocess
import sysconfig
from pathlib import Path

from mnist_helpers.widgets.network_trainer import packed_digits

PROGRAM = Path(__file__).with_suffix(".js")


def main() -> None:
    deno = Path(sysconfig.get_path("scripts"), "deno")
    command = [deno, "run", "--quiet", "--allow-all", "--no-config", "--no-lock", PROGRAM]
    subprocess.run(command, input=packed_digits(), check=True)


if __name__ == "__main__":
    main()
