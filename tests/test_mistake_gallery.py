"""The mistake gallery: which images are selected, and what is said about them."""

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

from mnist_helpers import confusion_matrix, one_hot
from mnist_helpers.plots import percent
from mnist_helpers.widgets import MistakeGallery

NAMES = ("one", "two", "<three>")


@pytest.fixture
def arrays(predictions, rng) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Images of noise, true digits, and the probabilities of three networks."""
    true, first = predictions
    others = [rng.permutation(first), rng.permutation(first)]
    images = rng.random((len(true), 28, 28, 1)).astype("float32")
    return images, true, dict(zip(NAMES, [first, *others], strict=True))


@pytest.fixture
def gallery(arrays) -> MistakeGallery:
    return MistakeGallery(*arrays)


def in_gallery(arrays) -> np.ndarray:
    """Whether any network misread an image."""
    _, true, networks = arrays
    return np.any([rows.argmax(axis=1) != true for rows in networks.values()], axis=0)


def by_hand(arrays, network, true_digit, predicted_digit, confidence) -> list[int]:
    """The selection, found image by image."""
    (_, true, networks), found = arrays, []
    probabilities = networks[network]
    for i in np.flatnonzero(in_gallery(arrays)).tolist():
        row = probabilities[i]
        read = int(row.argmax())
        wants_right = true_digit is not None and true_digit == predicted_digit
        fits = true_digit in {None, true[i]} and predicted_digit in {None, read}
        if fits and row[read] >= confidence and (read == true[i]) == wants_right:
            found.append(i)
    return sorted(found, key=lambda i: -probabilities[i].max())


def on_page(gallery) -> dict:
    """What the page makes of the gallery's state."""
    names = [
        "networks",
        "network",
        "true_digit",
        "predicted_digit",
        "confidence",
        "order",
        "page",
        "mistakes",
    ]
    return run("mistake_gallery.js", ON_PAGE, gallery.get_state(names))


ON_PAGE = """(() => {
    const state = { ...data, ...module.unpackMistakes(data.mistakes) };
    const { counts, selected, pages } = module.select(state);
    return {
        counts,
        pages,
        about: module.describe(state, { selected, pages }),
        positions: selected.map(place => state.position[place]),
        said: selected.map(place => module.readingsOf(state, place)),
    };
})()"""


@pytest.mark.parametrize("network", NAMES)
@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ((None, None, 0), " misread"),
        ((None, None, 0.7), " misread, at least 70 % sure"),
        ((3, None, 0), " of 3 misread"),
        ((None, 4, 0), " misread as 4"),
        ((4, 3, 0.4), " of 4 misread as 3, at least 40 % sure"),
        ((7, 7, 0), " of 7 read correctly, misread by another network"),
        ((4, 9, 1), " of 4 misread as 9, at least 100 % sure"),
    ],
)
def test_selects_and_says_what_fits(gallery, arrays, network, choice, words):
    names = ("network", "true_digit", "predicted_digit", "confidence")
    gallery.set_state(dict(zip(names, (network, *choice), strict=True)))
    expected = by_hand(arrays, network, *choice)
    assert gallery.selection.tolist() == expected and (len(expected) > 3 or choice[2] == 1)
    assert repr(gallery).startswith(
        f"MistakeGallery: {network}: {len(expected):,} images{words}, surest first; page 1 of "
    )
    shown = on_page(gallery)
    assert shown["about"] == repr(gallery).removeprefix("MistakeGallery: ")
    assert shown["positions"] == expected and shown["pages"] == gallery.pages
    assert shown["counts"] == gallery.confusion.tolist()


def test_equal_confidences_keep_their_order_and_count_as_enough(arrays):
    rows = np.array([[1] + 9 * [0], [0.64] + 9 * [0.04]])[np.arange(2000) % 2]
    gallery = MistakeGallery(arrays[0], np.full(2000, 5), {"never right": rows})
    assert gallery.selection.tolist() == [*range(0, 2000, 2), *range(1, 2000, 2)]
    assert on_page(gallery)["positions"] == gallery.selection.tolist()
    gallery.order = "least sure first"
    assert gallery.selection.tolist() == [*range(1, 2000, 2), *range(0, 2000, 2)]
    assert on_page(gallery)["positions"] == gallery.selection.tolist()
    gallery.confidence = 1  # at least
    assert gallery.selection.tolist() == on_page(gallery)["positions"] == [*range(0, 2000, 2)]


def test_matrix_counts_the_confident_readings_and_shades_the_mistakes(gallery, arrays):
    _, true, probabilities = arrays
    enough = in_gallery(arrays) & (probabilities["two"].max(axis=1) >= 0.6)
    gallery.network, gallery.confidence = "two", 0.6
    expected = confusion_matrix(true[enough], probabilities["two"][enough].argmax(axis=1))
    assert gallery.confusion.tolist() == expected.tolist() and 0 < expected.trace() < enough.sum()
    shades = np.array(run("mistake_gallery.js", "module.shadeMistakes(data)", expected))
    mistakes = expected * (1 - np.eye(10, dtype=int))
    assert np.array_equal(shades, 120 * mistakes // mistakes.max())


def test_pages_show_each_image_once_with_what_each_network_read(gallery, arrays):
    images, _, probabilities = arrays
    gallery.network, gallery.true_digit, seen = "two", 3, []
    said = on_page(gallery)["said"]
    for page in range(gallery.pages):
        gallery.page = page
        assert repr(gallery).endswith(f"page {page + 1} of {gallery.pages}")
        seen += gallery.shown.tolist()
    assert seen == gallery.selection.tolist() and len(seen) > 24
    for i, readings in zip(seen, said, strict=True):
        rows = {name: probabilities[name][i] for name in ("two", "one", "<three>")}
        assert readings == [
            f"{name}: {row.argmax()} ({percent(float(row.max()))})" for name, row in rows.items()
        ]
    titles = [text.get_text() for ax in gallery.static_figure().axes for text in [ax.title]]
    assert titles[0] == "\n".join([f"digit {3}", *said[-len(gallery.shown)]])
    kept = np.frombuffer(gallery.mistakes["position"], "<i4").tolist()
    assert kept == np.flatnonzero(in_gallery(arrays)).tolist() and len(kept) < len(images)
    ink = np.frombuffer(gallery.mistakes["images"], "uint8").reshape(-1, 28, 28)
    assert np.array_equal(ink, np.rint(255 * images[kept, :, :, 0]))


def test_networks_without_a_mistake_have_an_empty_gallery(arrays):
    gallery = MistakeGallery(arrays[0], arrays[1], {"never wrong": one_hot(arrays[1])})
    assert repr(gallery) == "MistakeGallery: never wrong: 0 images misread, surest first; page 1 of 1"
    assert on_page(gallery)["positions"] == [] and gallery.static_figure().texts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "two"),
        ("true_digit", 1),
        ("predicted_digit", 1),
        ("confidence", 0.3),
        ("order", "least sure first"),
    ],
)
def test_another_selection_starts_at_its_first_page(gallery, name, value):
    gallery.page = 2
    gallery.set_state({name: value})
    assert gallery.page == 0 and getattr(gallery, name) == value


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda x, t, p: (x, t, [*p.values()]), r"probabilities must be a dict of one \(n, 10\) .* got list"),
        (lambda x, t, p: (x, t, {"one": p["one"][:5]}), "probabilities must be .* with n = 2000"),
        (lambda x, t, p: (x[:7], t, p), "true must have length 7, one for each image, got 2000"),
        (lambda x, t, p: ((255 * x).astype("uint8"), t, p), "images must be floats .* divide by 255"),
    ],
)
def test_arrays_that_do_not_fit(arrays, change, complaint):
    with pytest.raises(ValueError, match=complaint):
        MistakeGallery(*change(*arrays))


BAD = {
    "network": "MLP",
    "true_digit": 10,
    "predicted_digit": -1,
    "confidence": 1.1,
    "order": "",
    "page": 1000,
}


@pytest.mark.parametrize(("name", "value"), [*BAD.items(), ("page", -1)])
def test_bad_value_changes_nothing(gallery, name, value):
    gallery.page = 3
    before = gallery.get_state()
    with pytest.raises(TraitError, match=name):
        setattr(gallery, name, value)
    assert gallery.get_state() == before


def test_figure_of_an_empty_selection_says_so(gallery):
    gallery.confidence = 1
    assert [text.get_text() for text in gallery.static_figure().texts] == [
        repr(gallery).removeprefix("MistakeGallery: ")
    ]
