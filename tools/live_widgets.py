"""Put widgets into the site's pages, live in place of their pictures.

All that is needed is in the notebooks' outputs, where `Widget` has stored it next to text and picture, but
for what a view asks for later: that is in the widget's class. Large bytes in the outputs are named by their
SHA-256: they are weights of reference networks, which a view asks for, too.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError

from tools.course import NETWORKS, read

FRONT_PAD = "index/digit_pad"


def place_widgets(app, doctree) -> None:
    """Add to each picture of a widget the place that it becomes live in; what is printed loads nothing."""
    path, in_print = Path(app.env.doc2path(app.env.docname)), app.builder.name != "html"
    found = widgets_in(path) if path.suffix == ".ipynb" else ()
    widgets = {text: (name, bundle) for name, text, bundle in found}
    for output in list(doctree.findall(nodes.container)):
        if output.get("mime_type") == "text/plain" and output.astext().strip() in widgets:
            name, bundle = widgets[output.astext().strip()]
            anchor = "-".join(reversed(name.split("/")))  # such as network_trainer-02_mlp
            early = [] if in_print else first(name, bundle)
            place = (
                f'<div class="live" id="{anchor}" data-live="{name}" data-prefetch="{" ".join(early)}"></div>'
            )
            output.parent.parent += nodes.raw("", place, format="html")
    for place in list(doctree.findall(nodes.raw)):
        for name in re.findall(r'data-live="([^"]+)"', place.astext()):
            name_for_print(place, name, f"{app.config.html_baseurl}{app.env.docname}.html")


def name_for_print(place: nodes.raw, name: str, address: str) -> None:
    """Say in print, above the text about how to play with a widget, that this is on the page."""
    while not isinstance(place.parent, nodes.section):
        place = place.parent
    above = place.parent.index(place)
    while isinstance(place.parent[above - 1], nodes.paragraph | nodes.bullet_list | nodes.enumerated_list):
        above -= 1
    what, where = in_a_line(name), f" ({address})" if address.startswith("http") else ""
    text = (
        f'<p class="in-print"><strong>On the page{where}, this is a thing to play with:</strong> {what}</p>'
    )
    place.parent.insert(above, nodes.raw("", text, format="html"))


def in_a_line(name: str) -> str:
    """What a widget is, from the first line of its class."""
    view = name.rpartition("/")[2].removesuffix("-again")
    line = class_of(view).__doc__.partition("\n")[0]
    return line[0].lower() + line[1:]


def widgets_of(app, page: str) -> Iterator[tuple[str, str, dict]]:
    """Name (such as "06_draw_your_own/digit_pad"), text and bundle of each widget in a notebook."""
    path = Path(app.env.doc2path(page))
    if path.suffix == ".ipynb":
        yield from widgets_in(path)
    elif page == "index" and f'data-live="{FRONT_PAD}"' in path.read_text(encoding="utf-8"):
        yield FRONT_PAD, "", front_pad()


def widgets_in(notebook: Path) -> Iterator[tuple[str, str, dict]]:
    from mnist_helpers.widgets.base import FOR_THE_PAGE

    names = set()
    for cell in read(notebook).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if bundle := data.get(FOR_THE_PAGE):
                name = f"{notebook.stem}/{bundle['view']}"
                while name in names:
                    name += "-again"
                names.add(name)
                yield name, data["text/plain"].strip(), bundle


def first(name: str, bundle: dict) -> list[str]:
    """What a widget needs before it reads anything: its state, its view and the smallest of its networks."""
    networks = sorted(checksums(bundle), key=lambda checksum: len(packed_networks().get(checksum, b"")))
    return [name, f"views/{bundle['view']}", *(f"data/{checksum}" for checksum in networks[:1])]


def checksums(bundle: dict) -> list[str]:
    return re.findall(r'"sha256": "(\w{64})"', json.dumps(bundle))


def preload(app, page, template, context, doctree) -> None:
    """Have the front page load what its pad needs along with its styles, and not after them."""
    for name, _, bundle in widgets_of(app, page) if page == "index" else ():
        for part in first(name, bundle):
            context["metatags"] += f'\n<link rel="preload" as="script" href="_static/live/{part}.js">'


def write_widgets(app, exception) -> None:
    """Write what live.js loads, as scripts: a page opened from disk can load nothing else."""
    if not exception and app.builder.name == "html":
        pages = sorted(app.env.found_docs)
        write_live(
            Path(app.outdir, "_static", "live"),
            [widget for page in pages for widget in widgets_of(app, page)],
        )


def write_live(folder: Path, found: list[tuple[str, str, dict]]) -> None:
    from mnist_helpers.widgets.base import esm, packed

    missing = {}
    for name, _, bundle in found:
        view = bundle["view"]
        write_script(folder, name, bundle)
        write_script(folder, f"views/{view}", esm(f"{view}.js"))
        for part, content in on_demand(view).items():
            write_script(folder, f"views/{view}/{part}", packed(content()))
        missing |= dict.fromkeys(checksums(bundle), name)
    for checksum in missing.keys() & packed_networks().keys():
        write_script(folder, f"data/{checksum}", packed(packed_networks()[checksum]))
        del missing[checksum]
    if missing:
        raise ExtensionError(
            "\n".join(
                f"{name} needs bytes with the SHA-256 {checksum}, but no network in mnist_helpers/reference "
                "has such weights: execute the notebook again (make outputs)"
                for checksum, name in missing.items()
            )
        )


@functools.cache
def front_pad() -> dict:
    """The bundle of the front page's pad: the CNN first."""
    from mnist_helpers import load_run
    from mnist_helpers.widgets import DigitPad

    networks = {NETWORKS[run]["name"]: load_run(run)[0] for run in ("cnn", "mlp", "deep_cnn")}
    return DigitPad(networks, compact=True).page_bundle()


def write_script(folder: Path, name: str, value) -> None:
    path = folder / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"(globalThis.live ??= {{}})[{json.dumps(name)}] = {json.dumps(value)};\n", encoding="utf-8"
    )


def on_demand(view: str) -> dict[str, Callable[[], bytes]]:
    """The bytes that a view asks for when it needs them."""
    of_view = class_of(view)
    return of_view.on_demand if of_view else {}


def class_of(view: str):
    from mnist_helpers import widgets

    classes = {widgets.module_name(name): name for name in dir(widgets)}
    return getattr(widgets, classes[view]) if view in classes else None


@functools.cache
def packed_networks() -> dict[str, bytes]:
    """What a page gets of each reference network's weights, by the SHA-256 of what Python has."""
    from mnist_helpers import load_run
    from mnist_helpers.widgets.network import network_description, packed_weights

    models = [load_run(run)[0] for run in NETWORKS]
    weights = [network_description(model)[1] for model in models]
    return {
        hashlib.sha256(each).hexdigest(): packed_weights(model)
        for each, model in zip(weights, models, strict=True)
    }
