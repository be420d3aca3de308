"""What all widgets share: their import, their view as one module, and what a page without a kernel gets."""

import base64
import hashlib
import json
import re
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import traitlets
from docutils import nodes
from javascript import run
from matplotlib import pyplot as plt
from nbformat import write
from nbformat.v4 import new_code_cell, new_notebook, new_output
from sphinx.errors import ExtensionError

from mnist_helpers import widgets
from mnist_helpers.widgets.base import FOR_THE_PAGE, Widget, esm
from tools import live_widgets

SMALL, LARGE = bytes(100_000), np.random.default_rng(0).bytes(100_000)


class Sample(Widget):
    _esm = "export default { render() {} }"
    number = traitlets.Int(3).tag(sync=True)
    parts = traitlets.List([{"small": SMALL}, {"large": LARGE}]).tag(sync=True)
    private = traitlets.Int(5)

    def __repr__(self):
        return "Sample: a line"

    def static_figure(self):
        return plt.figure(figsize=(1, 1))


BUNDLE = {
    "view": "sample",
    "state": {
        "number": 3,
        "parts": [
            {"small": {"zlib": base64.b64encode(zlib.compress(SMALL, 9)).decode()}},
            {"large": {"sha256": hashlib.sha256(LARGE).hexdigest()}},
        ],
    },
}


def test_widgets_are_imported_by_their_names():
    assert {"ConvolutionExplorer", "DigitPad", "MistakeGallery"} <= set(dir(widgets))
    for name in dir(widgets):
        assert issubclass(getattr(widgets, name), Widget)
    with pytest.raises(AttributeError, match=r"widgets has no 'DigitPat'; it offers .*DigitPad"):
        widgets.DigitPat  # noqa: B018


@pytest.mark.parametrize("view", [widgets.module_name(name) for name in dir(widgets)])
def test_view_is_joined_into_one_module_that_exports_only_itself(view):
    module = base64.b64encode(esm(f"{view}.js").encode()).decode()
    names = f"import('data:text/javascript;base64,{module}').then(Object.keys)"
    assert run(f"{view}.js", names) == ["default"]


def test_output_has_text_picture_and_state():
    data, _ = Sample()._repr_mimebundle_()
    assert data["text/plain"] == "Sample: a line"
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["application/vnd.jupyter.widget-view+json"]
    assert data[FOR_THE_PAGE] == BUNDLE
    assert not plt.get_fignums()
    assert "image/png" not in Sample()._repr_mimebundle_(exclude={"image/png"})[0]


# The site


@pytest.fixture
def app(tmp_path):
    """A site of a page of text, and a notebook with a live widget, twice, and one that is a picture only."""
    bundles = {"Sample: a line": BUNDLE, "Other: a line": {}, "Sample: again": BUNDLE}
    outputs = [
        new_output("execute_result", {"text/plain": text, FOR_THE_PAGE: bundle}, execution_count=1)
        for text, bundle in bundles.items()
    ]
    write(new_notebook(cells=[new_code_cell("", outputs=outputs)]), tmp_path / "01_lesson.ipynb")
    paths = {"01_lesson": tmp_path / "01_lesson.ipynb", "index": tmp_path / "index.md"}
    paths["index"].write_text("# Title\n", encoding="utf-8")
    env = SimpleNamespace(docname="01_lesson", found_docs=set(paths), doc2path=paths.get)
    about = {
        "config": SimpleNamespace(html_baseurl="https://course/"),
        "builder": SimpleNamespace(name="html"),
    }
    return SimpleNamespace(env=env, outdir=tmp_path / "site", **about)


def test_view_gets_the_bytes_that_it_asks_for(monkeypatch):
    monkeypatch.setattr(Sample, "on_demand", {"later": lambda: LARGE})
    sample, sent = Sample(), []
    monkeypatch.setattr(sample, "send", lambda *message: sent.append(message))
    for name in ("later", "never"):
        sample._handle_custom_msg({"wanted": name}, [])
    assert sent == [({"wanted": "later"}, [LARGE])]
    assert live_widgets.on_demand("network_trainer") == widgets.NetworkTrainer.on_demand
    assert live_widgets.on_demand("dropout_explorer") == live_widgets.on_demand("sample") == {}


def test_front_page_asks_for_its_networks_the_cnn_first_in_a_quarter_of_a_megabyte(app):
    app.env.doc2path("index").write_text(f'<div data-live="{live_widgets.FRONT_PAD}"></div>')
    ((name, _, bundle),) = live_widgets.widgets_of(app, "index")
    assert name == live_widgets.FRONT_PAD
    assert [network["name"] for network in bundle["state"]["networks"]] == ["CNN", "MLP", "Deep CNN"]
    cnn, *others = [network["weights"]["sha256"] for network in bundle["state"]["networks"]]
    assert bundle["state"]["compact"]
    assert len(json.dumps(bundle)) < 10_000
    assert all(len(live_widgets.packed_networks()[other]) < 400_000 for other in others)
    assert len(live_widgets.packed_networks()[cnn]) < 220_000
    # They are in the page's head, before all else.
    parts = [name, "views/digit_pad", f"data/{cnn}"]
    context = {"metatags": ""}
    for page in ("index", "01_lesson"):
        live_widgets.preload(app, page, None, context, None)
    links = re.findall(r'<link rel="preload" as="script" href="_static/live/(.*)\.js">', context["metatags"])
    assert links == parts


def test_page_gets_a_place_below_each_picture_of_a_live_widget(app, monkeypatch):
    monkeypatch.setattr(live_widgets, "in_a_line", lambda name: f"what {name} is")
    texts = ["Sample: a line", "Other: a line", "not a widget: a line"]
    section = nodes.section(
        "", nodes.title("", "Play"), nodes.paragraph("", "how"), nodes.paragraph("", "to")
    )
    for text in texts:
        output = nodes.container("", nodes.literal_block("", text), mime_type="text/plain")
        section += nodes.container("", nodes.container("", output))
    live_widgets.place_widgets(app, nodes.container("", section))
    _, in_print, *text, first, second, third = section.children
    needed = f"01_lesson/sample views/sample data/{hashlib.sha256(LARGE).hexdigest()}"
    place = 'class="live" id="sample-01_lesson" data-live="01_lesson/sample"'
    assert first[-1].astext() == f'<div {place} data-prefetch="{needed}"></div>'
    assert len(second.children) == len(third.children) == 1
    assert [part.astext() for part in text] == ["how", "to"]
    where = '<p class="in-print"><strong>On the page (https://course/01_lesson.html), this is a thing to play'
    assert in_print.astext() == f"{where} with:</strong> what 01_lesson/sample is</p>"


def test_site_has_state_view_and_weights_as_scripts(app, monkeypatch):
    sha256 = hashlib.sha256(LARGE).hexdigest()
    monkeypatch.setattr(live_widgets, "packed_networks", lambda: {sha256: b"packed", "another": b""})
    monkeypatch.setattr("mnist_helpers.widgets.base.esm", lambda name: f"the module {name}")
    monkeypatch.setattr(live_widgets, "on_demand", lambda view: {"later": lambda: f"for {view}".encode()})
    live_widgets.write_widgets(app, None)
    folder = app.outdir / "_static" / "live"
    names = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.js")}
    assert names == {
        *("01_lesson/sample", "01_lesson/sample-again"),
        *("views/sample", "views/sample/later", f"data/{sha256}"),
    }
    found = {}
    for name in names:
        start, _, value = (folder / f"{name}.js").read_text(encoding="utf-8").partition(" = ")
        assert start == f"(globalThis.live ??= {{}})[{json.dumps(name)}]"
        found[name] = json.loads(value.removesuffix(";\n"))
    assert found["01_lesson/sample"] == BUNDLE
    assert found["views/sample"] == "the module sample.js"
    assert zlib.decompress(base64.b64decode(found[f"data/{sha256}"])) == b"packed"
    assert zlib.decompress(base64.b64decode(found["views/sample/later"])) == b"for sample"
    # Bytes that no network has stop the build.
    monkeypatch.setattr(live_widgets, "packed_networks", dict)
    with pytest.raises(
        ExtensionError, match=r"01_lesson/sample.* needs bytes with the SHA-256 .* no network"
    ):
        live_widgets.write_widgets(app, None)
