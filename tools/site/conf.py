"""Sphinx settings for the site, and small extensions for what Sphinx does not do by itself."""

import os
import re
from html import escape
from pathlib import Path
from textwrap import shorten

from docutils import nodes
from sphinx.addnodes import pending_xref

from tools.archives import how_to_install
from tools.course import NOTEBOOKS, ROOT, read, title
from tools.launch_buttons import buttons
from tools.live_widgets import place_widgets, preload, write_widgets
from tools.mathml import mathml
from tools.minutes import table
from tools.page_cells import fit, fold, offer_to_enlarge, say_where_code_runs
from tools.publish import put_downloads, size_of

project = "How a neural network reads handwriting"
html_title = project
author = "the authors of the course"
copyright = "prose and figures: CC BY 4.0, code: MIT. MNIST and what shows its images: CC BY-SA 3.0"

extensions = ["myst_nb"]
# Not a reader's own notebooks, which may be in the same folder
include_patterns = [
    "index.md",
    *(path.name for path in NOTEBOOKS),
    "take_away.md",
    "teaching.md",
    *(f"teaching/{path.stem}.md" for path in NOTEBOOKS),
    "glossary.md",
    "references.md",
]
nb_execution_mode = "off"  # the committed outputs are what is published
nb_merge_streams = True
nb_code_prompt_show = nb_code_prompt_hide = "Solution"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# Of the outputs, MyST-NB need not know what live_widgets.py reads.
suppress_warnings = ["myst.strikethrough", "mystnb.unknown_mime_type"]

html_theme = "sphinx_book_theme"
templates_path = ["templates"]
html_static_path = ["static", str(ROOT / "notebooks" / "gallery.png")]
html_favicon = "static/icon.svg"
html_css_files = ["course.css"]
html_js_files = [("live.js", {"defer": "defer", "fetchpriority": "high"}), ("blocks.js", {"defer": "defer"})]
html_math_renderer = "mathml"
html_show_sphinx = html_copy_source = False
html_context = {"default_mode": "auto"}  # light or dark, following the reader's system
html_theme_options = {
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "max_navbar_depth": 1,  # the guide for teachers lists its pages itself
    "use_fullscreen_button": False,
    "use_download_button": False,  # see add_buttons
    "navbar_persistent": [],  # the search field is in the sidebar
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Where the site will be; only a preview's picture needs it.
html_baseurl = os.environ.get("COURSE_SITE", "").strip().rstrip("/")
html_baseurl += "/" if html_baseurl else ""

GLOSSARY = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8").partition("{glossary}\n")[2]
TERMS = {term.lower() for term in re.findall(r"^\S.*", GLOSSARY.partition("\n```")[0], re.MULTILINE)}


def setup(app):
    app.add_html_math_renderer("mathml", (formula, None), (displayed_formula, None))
    app.connect("builder-inited", offer_downloads)
    app.connect("source-read", fill_in)
    app.connect("doctree-read", number_title, priority=100)  # before the titles are collected
    app.connect("doctree-read", prepare_page)
    app.connect("doctree-read", link_letters)
    app.connect("doctree-read", place_widgets)
    for prepare in (fold, fit, offer_to_enlarge, say_where_code_runs):
        app.connect("doctree-read", prepare, priority=600)  # when the widgets are there
    app.connect("html-page-context", describe)
    app.connect("html-page-context", add_buttons, priority=502)  # after the theme
    app.connect("html-page-context", preload)
    app.connect("build-finished", write_widgets)
    app.connect("build-finished", put_icons_last)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def formula(translator, node):
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def displayed_formula(translator, node):
    translator.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def offer_downloads(app):
    if app.builder.name == "html":
        put_downloads(Path(app.outdir))


def fill_in(app, page, source):
    """Say how to install as the archives do, name each notebook's archive, and give a lesson's minutes."""
    if page.startswith("teaching/"):
        source[0] = source[0].replace("The table is made with the site.", table(page.partition("/")[2]))
    if page == "take_away":
        link = '- <a href="downloads/handwriting-{0}.zip" download>{1} {2}</a>'
        links = [link.format(path.stem, path.stem[:2], title(read(path))) for path in NOTEBOOKS]
        source[0] = source[0].replace("INSTALL", how_to_install()).replace("NOTEBOOKS", "\n".join(links))


def number_title(app, doctree):
    """Put a notebook's number before its title: in the heading, the sidebar, the tab, before and after."""
    if app.env.docname[:2].isdigit():
        next(doctree.findall(nodes.title)).insert(0, nodes.Text(f"{app.env.docname[:2]} "))


def prepare_page(app, doctree):
    """Link terms to the glossary, and load pictures lazily."""
    page = app.env.docname
    if page[:2].isdigit():  # a notebook: its pictures are not at the top
        for image in doctree.findall(nodes.image):
            image["loading"] = "lazy"
        link_terms(doctree, page)


def link_letters(app, doctree):
    """Put the alphabet above the glossary, each letter linked to its first term."""
    if app.env.docname == "glossary":
        first = {}
        for item in doctree.findall(nodes.definition_list_item):
            term = next(item.findall(nodes.term))  # the others are synonyms
            first.setdefault(term.astext()[0].upper(), term["ids"][0])
        letters = nodes.paragraph(classes=["letters"])
        for letter, place in first.items():
            letters += [nodes.reference("", letter, refid=place, internal=True), nodes.Text(" ")]
        next(doctree.findall(nodes.paragraph)).parent.insert(2, letters)


def describe(app, page, template, context, doctree):
    """Say in a page's head what it is about, for those who find it or are sent its address."""
    if doctree:
        text = next(doctree.findall(nodes.paragraph)).astext().replace("\n", " ")
        about = {
            "og:title": html_title,
            "og:type": "article",
            "og:description": shorten(text, 200, placeholder=" …"),
        }
        if page != "index":
            about["og:title"] = next(doctree.findall(nodes.title)).astext()
        if html_baseurl:
            about |= {"og:url": context["pageurl"], "og:image": f"{html_baseurl}_static/gallery.png"}
        tags = [f'<meta property="{name}" content="{escape(value)}">' for name, value in about.items()]
        tags.append(f'<meta name="description" content="{escape(about["og:description"])}">')
        context["metatags"] += "\n".join(tags)


def add_buttons(app, page, template, context, doctree):
    if doctree and app.builder.name == "html":
        context["header_buttons"] += buttons(page, lambda file: size_of(Path(app.outdir, file)))


def link_terms(doctree, page):
    """Link a term to the glossary wherever it is bold or in italics, which is how the texts introduce one."""
    marked = [*doctree.findall(nodes.strong), *doctree.findall(nodes.emphasis)]
    for node in marked:
        words = node.astext().lower().replace("’", "'").replace("\n", " ")
        if term := next((term for term in (words, words.removesuffix("s")) if term in TERMS), None):
            target = {"refdomain": "std", "reftype": "term", "reftarget": term, "refdoc": page}
            node.replace_self(pending_xref("", node.deepcopy(), refexplicit=True, refwarn=False, **target))


ICONS = re.compile(r"@font-face\{[^}]*Awesome\\ 7 Free[^}]*src:url\(\.\./([^)]*)\)\}")
LATER = """{{
  const file = new URL("../{}", document.currentScript.src);
  const font = new FontFace("Font Awesome 7 Free", `url(${{file}})`, {{ weight: 900 }});
  addEventListener("load", () => document.fonts.add(font));
}}
"""


def put_icons_last(app, exception):
    """Load the theme's icons once, by their font and not by 1.5 MB of SVG too, and when all else is there."""
    static = Path(app.outdir, "_static")
    styles, script = static / "styles" / "pydata-sphinx-theme.css", static / "scripts" / "fontawesome.js"
    if not exception and script.exists():
        text = styles.read_text(encoding="utf-8")
        (font,) = [font for font in ICONS.findall(text) if "solid" in font]
        styles.write_text(ICONS.sub("", text), encoding="utf-8")
        script.write_text(LATER.format(font), encoding="utf-8")
