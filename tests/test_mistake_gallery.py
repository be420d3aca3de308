"""The mistake gallery without a page: which images are selected, and what is said about each."""

import base64
import io
import re

import ipywidgets
import numpy as np
import pytest
from leaks import assert_leaves_nothing
from matplotlib import pyplot as plt
from PIL import Image
from traitlets import TraitError

from mnist_helpers import confusion_matrix, rank_mistakes
from mnist_helpers.widgets.base import ink
from mnist_helpers.widgets.mistake_gallery import MistakeGallery

NAMES = ("one", "two", "<three>")


@pytest.fixture
def arrays(predictions, rng) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Images of noise, true digits, and the probabilities from three different networks."""
    true, first = predictions
    others = [rng.permutation(first), rng.permutation(first)]
    images = rng.random((len(true), 28, 28, 1)).astype("float32")
    return images, true, dict(zip(NAMES, [first, *others], strict=True))


@pytest.fixture
def gallery(arrays) -> MistakeGallery:
    return MistakeGallery(*arrays)


def parts(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """A widget and all widgets inside it."""
    return [widget, *(part for child in getattr(widget, "children", ()) for part in parts(child))]


def control(widget: ipywidgets.Widget, description: str) -> ipywidgets.Widget:
    (found,) = (
        part for part in parts(widget) if getattr(part, "description", "").partition(":")[0] == description
    )
    return found


def choose(widget: ipywidgets.Widget, description: str, cell: list[int]) -> None:
    """Click a cell in the grid: the page sends this message."""
    control(widget, description)._handle_custom_msg({"cell": cell}, [])


def view(widget: ipywidgets.Widget) -> list[dict]:
    """All that is sent to the page."""
    return [part.get_state() for part in parts(widget)]


def html(widget: ipywidgets.Widget) -> str:
    return "".join(part.value for part in parts(widget) if isinstance(part, ipywidgets.HTML))


def status(gallery: MistakeGallery) -> str:
    (text,) = (part.text for part in parts(gallery) if hasattr(part, "text"))
    return text


def by_hand(true, probabilities, true_digit, predicted_digit, confidence=0.0) -> list[int]:
    """The expected selection, found image by image."""
    found = []
    for i, row in enumerate(probabilities):
        read = int(row.argmax())
        right_is_wanted = true_digit is not None and true_digit == predicted_digit
        if (
            row[read] >= confidence
            and true_digit in {None, true[i]}
            and predicted_digit in {None, read}
            and (read == true[i]) == right_is_wanted
        ):
            found.append(i)
    return sorted(found, key=lambda i: -probabilities[i].max())


def test_starts_with_all_mistakes_of_the_first_network(gallery, arrays):
    _, true, probabilities = arrays
    ranked = rank_mistakes(true, probabilities["one"])
    assert np.array_equal(gallery.selection, ranked)
    assert np.array_equal(gallery.shown, ranked[:12])
    assert repr(gallery) == (
        f"MistakeGallery: one: {len(ranked)} images misread; page 1 of {-(-len(ranked) // 12)}"
    )


@pytest.mark.parametrize("network", NAMES)
@pytest.mark.parametrize(
    ("true_digit", "predicted_digit", "confidence"),
    [(None, None, 0.7), (3, None, 0), (None, 4, 0), (3, 4, 0), (4, 3, 0.4), (7, 7, 0), (0, None, 0.7)],
)
def test_selects_matching_images(gallery, arrays, network, true_digit, predicted_digit, confidence):
    _, true, probabilities = arrays
    gallery.network, gallery.confidence = network, confidence
    gallery.true_digit, gallery.predicted_digit = true_digit, predicted_digit
    expected = by_hand(true, probabilities[network], true_digit, predicted_digit, confidence)
    assert len(expected) > 3
    assert gallery.selection.tolist() == expected


def test_ties_keep_their_order(arrays):
    images, _, _ = arrays
    rows = np.array([[1] + 9 * [0], [0.64] + 9 * [0.04]])[np.arange(2000) % 2]
    gallery = MistakeGallery(images, np.full(2000, 5), {"never right": rows})
    assert gallery.selection.tolist() == [*range(0, 2000, 2), *range(1, 2000, 2)]


@pytest.mark.parametrize("confidence", [0, 0.6])
def test_every_cell_selects_as_many_as_it_counts(gallery, arrays, confidence):
    _, true, probabilities = arrays
    enough = probabilities["two"].max(axis=1) >= confidence
    expected = confusion_matrix(true[enough], probabilities["two"][enough].argmax(axis=1))
    gallery.network, gallery.confidence = "two", confidence
    grid = control(gallery, "Confusion matrix")
    assert grid.values == gallery.confusion.tolist() == expected.tolist()
    for (row, column), count in np.ndenumerate(expected):
        choose(gallery, "Confusion matrix", [row, column])
        assert (gallery.true_digit, gallery.predicted_digit) == (row, column)
        assert len(gallery.selection) == count


def test_only_mistakes_are_shaded(gallery):
    shades = np.array(control(gallery, "Confusion matrix").shades)
    mistakes = gallery.confusion * (1 - np.eye(10, dtype=int))
    assert not shades.diagonal().any()
    assert shades.argmax() == mistakes.argmax()
    assert shades.max() < 137  # above this, black numbers are hard to read
    assert np.all(np.diff(shades.ravel()[np.argsort(mistakes, axis=None)]) >= 0)


def test_cell_is_marked_when_both_digits_are_chosen(gallery):
    grid = control(gallery, "Confusion matrix")
    assert grid.cell == []
    gallery.true_digit = 8
    assert grid.cell == []
    gallery.predicted_digit = 2
    assert grid.cell == [8, 2]
    control(gallery, "true digit").value = "any"
    assert grid.cell == [] and gallery.true_digit is None


def test_controls_and_state_stay_in_sync(gallery):
    control(gallery, "network").value = "two"
    control(gallery, "true digit").value = 6
    control(gallery, "read as").value = 0
    control(gallery, "at least this sure").value = 0.5
    state = (gallery.network, gallery.true_digit, gallery.predicted_digit, gallery.confidence)
    assert state == ("two", 6, 0, 0.5)
    gallery.true_digit, gallery.predicted_digit, gallery.confidence = None, 1, 0
    names = ("network", "true digit", "read as", "at least this sure")
    assert [control(gallery, name).value for name in names] == ["two", "any", 1, 0]


@pytest.mark.parametrize(
    ("true_digit", "predicted_digit", "confidence", "words"),
    [
        (8, None, 0, r"\d+ images of 8 misread; page"),
        (None, 2, 0, r"\d+ images misread as 2; page"),
        (8, 2, 0.25, r"\d+ images of 8 misread as 2, at least 25 % sure; page"),
        (4, 4, 0, r"\d+ images of 4 read correctly; page"),
        (4, 9, 1, r"0 images of 4 misread as 9, at least 100 % sure; page 1 of 1"),
    ],
)
def test_says_what_is_selected(gallery, true_digit, predicted_digit, confidence, words):
    gallery.true_digit, gallery.predicted_digit = true_digit, predicted_digit
    gallery.confidence = confidence
    assert re.match("one: " + words, status(gallery))
    assert int(re.search(r"\d+", status(gallery))[0]) == len(gallery.selection)
    assert repr(gallery) == f"MistakeGallery: {status(gallery)}"


def test_pages_show_each_image_once(gallery, caplog):
    gallery.true_digit = 3
    seen = []
    for page in range(gallery.pages):
        assert control(gallery, "Previous page").disabled == (page == 0)
        assert f"page {page + 1} of {gallery.pages}" in status(gallery)
        assert re.findall(r"<figcaption>image (\d+),", html(gallery)) == [str(i) for i in gallery.shown]
        seen += gallery.shown.tolist()
        control(gallery, "Next page").click()
    assert seen == gallery.selection.tolist()
    assert len(seen) > 24 and gallery.page == gallery.pages - 1
    assert control(gallery, "Next page").disabled
    assert not caplog.records  # ipywidgets logs exceptions in click handlers
    control(gallery, "Previous page").click()
    assert gallery.page == gallery.pages - 2


@pytest.mark.parametrize(
    ("name", "value"), [("network", "two"), ("true_digit", 1), ("predicted_digit", 1), ("confidence", 0.3)]
)
def test_another_selection_starts_at_its_first_page(gallery, name, value):
    gallery.page = 2
    setattr(gallery, name, value)
    assert gallery.page == 0
    assert np.array_equal(gallery.shown, gallery.selection[:12])


def test_each_picture_lists_every_prediction(gallery, arrays):
    images, true, probabilities = arrays
    gallery.network = "two"
    figures = re.findall(r"<figure.*?</figure>", html(gallery))
    assert len(figures) == 12
    for i, figure in zip(gallery.shown, figures, strict=True):
        said = re.findall(r">(?:<b>)?([^<>]+): (\d) \(([\d.>]+)&nbsp;%\)", figure)
        assert [name for name, *_ in said] == ["two", "one", "&lt;three&gt;"]
        for name, digit, percent in said:
            row = probabilities[name.replace("&lt;", "<").replace("&gt;", ">")][i]
            assert int(digit) == row.argmax()
            assert percent == ">99.9" or float(percent) == pytest.approx(100 * row.max(), abs=0.051)
        assert f'alt="image {i}, digit {true[i]}"' in figure
        png = base64.b64decode(re.search(r"base64,([^\"]+)", figure)[1])
        assert np.array_equal(np.array(Image.open(io.BytesIO(png))), ink(images[i, :, :, 0]))


def test_nothing_selected(gallery):
    gallery.confidence = 1
    assert len(gallery.shown) == 0
    assert "<figure" not in html(gallery)
    assert control(gallery, "Previous page").disabled and control(gallery, "Next page").disabled
    (words,) = gallery.static_figure().texts
    assert words.get_text() == status(gallery)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda x, t, p: (x, t, [*p.values()]), r"probabilities must be a dict of one \(n, 10\) .* got list"),
        (lambda x, t, p: (x, t, {}), r"probabilities must be a dict of one \(n, 10\) array per network"),
        (lambda x, t, p: (x, t, {"one": p["one"][:5]}), "probabilities must be .* with n = 2000"),
        (lambda x, t, p: (x, t, {"one": 2 * p["one"]}), "sum to 1"),
        (lambda x, t, p: (x, np.eye(10)[t], p), "true must be a 1-D array of integers"),
        (lambda x, t, p: (x[:7], t, p), "images and true must have the same length, got 7 and 2000"),
        (lambda x, t, p: (x[0, :, :, 0], t, p), r"images must be \(n, 28, 28\)"),
    ],
)
def test_arrays_that_do_not_fit(arrays, change, complaint):
    with pytest.raises(ValueError, match=complaint):
        MistakeGallery(*change(*arrays))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "MLP"),
        ("true_digit", 10),
        ("predicted_digit", "2"),
        ("confidence", 1.1),
        ("page", -1),
        ("page", 1000),
    ],
)
def test_bad_value_changes_nothing(gallery, name, value):
    gallery.page = 3
    before, state = repr(gallery), view(gallery)
    with pytest.raises(TraitError, match=name):
        setattr(gallery, name, value)
    assert (repr(gallery), view(gallery)) == (before, state)


def test_page_without_a_kernel_gets_a_picture_and_words(gallery):
    data, _ = gallery._repr_mimebundle_()
    assert data["text/plain"] == repr(gallery)
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 500
    assert "application/vnd.jupyter.widget-view+json" in data
    assert not plt.get_fignums()


def test_static_figure_shows_the_page(gallery, arrays):
    images, true, probabilities = arrays
    axes = gallery.static_figure().axes
    for i, ax in zip(gallery.shown, axes, strict=True):
        assert np.array_equal(ax.images[0].get_array(), images[i, :, :, 0])
        first, *lines = ax.get_title().splitlines()
        assert first == f"digit {true[i]}"
        said = [f"{name}: {probabilities[name][i].argmax()} (" for name in NAMES]
        assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))


def test_two_galleries_are_independent(gallery, arrays):
    other = MistakeGallery(*arrays)
    state = view(gallery)
    other.true_digit, other.page = 3, 1
    assert view(gallery) == state


def test_two_hundred_changes_leave_nothing_behind(gallery):
    def change() -> None:
        for i in range(200):
            gallery.network, gallery.confidence = NAMES[i % 3], i % 10 / 20

    assert_leaves_nothing(change)
