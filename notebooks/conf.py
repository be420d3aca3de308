"""Sphinx settings for the site, and small extensions for what Sphinx does not do by itself."""

import base64
import json
import os
import re
from pathlib import Path

import latex2mathml.converter
from docutils import nodes
from sphinx.addnodes import pending_xref

import mnist_helpers

# The repository's URL, for the buttons that open a page in Binder, Colab or a JupyterHub.
# Without it, there are no buttons.
REPOSITORY = os.environ.get("COURSE_REPOSITORY", "")
JUPYTERHUB = os.environ.get("COURSE_JUPYTERHUB", "")  # the URL of a school's own hub, if any

project = "How a neural network reads handwriting"
html_title = project
author = "the authors of the course"
copyright = "prose and figures: CC BY 4.0, code: MIT. MNIST and what shows its images: CC BY-SA 3.0"

extensions = ["myst_nb"]
# Not a reader's own notebooks, which may be in the same folder
include_patterns = ["index.md", "[0-9][0-9]_*.ipynb", "glossary.md", "references.md"]
nb_execution_mode = "off"  # the committed outputs are what is published
nb_merge_streams = True
nb_code_prompt_show = nb_code_prompt_hide = "Solution"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.strikethrough"]

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"
html_css_files = ["course.css"]
html_js_files = [("live.js", {"defer": "defer"})]
html_math_renderer = "mathml"
html_show_sphinx = False
html_context = {"default_mode": "auto"}  # light or dark, following the reader's system
html_theme_options = {
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the search field is in the sidebar
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if REPOSITORY:
    html_theme_options |= {
        "repository_url": REPOSITORY,
        "repository_branch": "main",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            **({"jupyterhub_url": JUPYTERHUB} if JUPYTERHUB else {}),
        },
    }

# The glossary's terms, each with the number of its entry; an entry can have several terms.
GLOSSARY = Path(__file__).with_name("glossary.md").read_text(encoding="utf-8").partition("{glossary}\n")[2]
ENTRIES = {
    term.lower(): number
    for number, entry in enumerate(re.split(r"\n\n(?=\S)", GLOSSARY.partition("\n```")[0]))
    for term in re.findall(r"^\S.*", entry, re.MULTILINE)
}
# Words that count as terms only where they are bold
EVERYDAY = {
    *("cast", "class", "classes", "compile", "conditioning", "confidence", "dead", "decay", "depth"),
    *("flatten", "hidden", "interval", "layout", "noise", "precision", "prediction", "rate", "recall"),
    *("recipe", "rotation", "scaling", "shape", "shift", "size", "split", "step", "thickness", "view"),
    "width",
}
TERM = re.compile(
    rf"\b({'|'.join(sorted(map(re.escape, ENTRIES.keys() - EVERYDAY), key=len, reverse=True))})s?\b",
    re.IGNORECASE,
)

# Widgets that need no kernel: on the page they replace their pictures.
LIVE = {"DigitPad": "digit_pad", "ConvolutionExplorer": "convolution_explorer"}
MODULES = Path(mnist_helpers.__file__).with_name("widgets")
# The other widgets, and what you can do with them when you run the notebook.
WITH_KERNEL = {
    "DigitBrowser": "you can go through all the digits, and point at a pixel to read its value.",
    "TrainingMonitor": "the curves grow while the network trains, and a button stops the training.",
    "FeatureMaps": "you can choose digit, layer and channel, and see what each channel responds to.",
    "DropoutExplorer": "you can draw again, change the rate, and switch between training and inference.",
    "MistakeGallery": "you can page through all the mistakes, filter them, and compare the networks on each.",
}


def setup(app):
    app.add_html_math_renderer("mathml", (formula, None), (displayed_formula, None))
    app.connect("doctree-read", prepare_page)
    app.connect("build-finished", write_live_widgets)
    app.connect("build-finished", leave_icons_to_the_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def formula(translator, node):
    """Write a formula as MathML, which browsers render without a script."""
    translator.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def displayed_formula(translator, node):
    mathml = latex2mathml.converter.convert(node.astext(), display="block")
    translator.body.append(f'<div class="math">{mathml}</div>')
    raise nodes.SkipNode


def prepare_page(app, doctree):
    """Link terms to the glossary, load pictures lazily, and add live widgets or a note to widget pictures."""
    page = app.env.docname
    if page[:2].isdigit():  # a notebook: its pictures are not at the top
        for image in doctree.findall(nodes.image):
            image["loading"] = "lazy"
        link_terms(doctree, page)
    for output in list(doctree.findall(nodes.container)):
        if output.get("mime_type") != "text/plain" or not list(output.parent.findall(nodes.image)):
            continue
        widget, cell_output = output.astext().partition(":")[0], output.parent.parent
        if widget in LIVE:
            place = f'<div class="live" data-live="{LIVE[widget]}"></div>'
            cell_output += nodes.raw("", place, format="html")
        elif widget in WITH_KERNEL:
            text = f"This is a picture of a widget. When you run the notebook, {WITH_KERNEL[widget]}"
            cell_output += nodes.paragraph("", text, classes=["with-kernel"])


def link_terms(doctree, page):
    """Link terms to the glossary: wherever they are bold, or else at their first use in a paragraph."""
    linked = set()

    def link(term, node):
        linked.add(ENTRIES[term])
        target = {"refdomain": "std", "reftype": "term", "reftarget": term, "refdoc": page}
        return pending_xref("", node, refexplicit=True, refwarn=False, **target)

    for strong in list(doctree.findall(nodes.strong)):
        term = strong.astext().lower().replace("’", "'")
        if term in ENTRIES:
            strong.replace_self(link(term, strong.deepcopy()))
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(text.parent, nodes.paragraph):
            continue
        parts, end = [], 0
        for match in TERM.finditer(text):
            if ENTRIES[match[1].lower()] not in linked:
                name = nodes.inline("", match[0], classes=["term"])
                parts += [nodes.Text(text[end : match.start()]), link(match[1].lower(), name)]
                end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def write_live_widgets(app, exception):
    """Write each live widget and its data as a script: a page opened from disk can load nothing else."""
    if exception or app.builder.name != "html":
        return
    from mnist_helpers import load_run, load_splits
    from mnist_helpers.widgets.convolution_explorer import ConvolutionExplorer
    from mnist_helpers.widgets.digit_pad import DigitPad

    (x_train, _), _, (x_test, y_test) = load_splits("channels")
    networks = {"MLP": "mlp", "CNN": "cnn", "Deep CNN": "deep_cnn"}
    models = {name: load_run(run)[0] for name, run in networks.items()}
    widgets = [
        DigitPad(models, x_test[:200], y_test[:200].argmax(axis=1)),
        ConvolutionExplorer(x_train[15], row=13, column=15),
    ]
    folder = Path(app.outdir, "_static", "live")
    folder.mkdir(parents=True, exist_ok=True)
    for widget in widgets:
        name = LIVE[type(widget).__name__]
        data = json.dumps(widget.page_data(), default=in_base64)
        written = {"module": MODULES.joinpath(f"{name}.js").read_text(encoding="utf-8"), "data": data}
        script = f"(globalThis.liveWidgets ??= {{}}).{name} = {json.dumps(written)};\n"
        (folder / f"{name}.js").write_text(script, encoding="utf-8")


def leave_icons_to_the_font(app, exception):
    """Empty the theme's largest script, 1.5 MB of SVG icons: the icon font has the same ones."""
    script = Path(app.outdir, "_static", "scripts", "fontawesome.js")
    if not exception and script.exists():
        script.write_text("", encoding="utf-8")


def in_base64(value: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode()}
