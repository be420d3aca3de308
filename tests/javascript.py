"""Run the widgets' JavaScript in deno, so that pytest can compare what it computes with numpy and Keras."""

import base64
import json
import os
import subprocess
import sysconfig
from pathlib import Path

from mnist_helpers.widgets.base import JS

DENO = Path(sysconfig.get_path("scripts"), "deno")
PROGRAM = """
const revive = (_, value) => typeof value?.base64 === "string" ? Uint8Array.fromBase64(value.base64) : value;
const data = JSON.parse(await new Response(Deno.stdin.readable).text(), revive);
const module = await import(%s);
const answer = await (%s);
const plain = (_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value;
console.log(JSON.stringify(answer, plain) ?? "null");
"""


def run(module: str, expression: str, data: object = None) -> object:
    """The value of a JavaScript expression.

    The expression may use `module`, the exports of a file in ``mnist_helpers/widgets/js``, and `data`, which
    holds what JSON can hold, bytes (a Uint8Array there) and numpy arrays (nested lists). Typed arrays in its
    value become lists. If it fails, the error has deno's message.
    """
    program = PROGRAM % (json.dumps((JS / module).as_uri()), expression)
    done = subprocess.run(
        [DENO, "eval", "--no-config", "--no-lock", "--ext=js", program],
        input=json.dumps(data, default=_as_json),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env=os.environ | {"DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},
    )
    assert done.returncode == 0, f"{module}: {expression}\n{done.stderr}"
    return json.loads(done.stdout)


def _as_json(value):
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value.tolist()
