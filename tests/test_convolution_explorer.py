"""The convolution explorer's state: what it computes, what it rejects, and its static picture."""

import numpy as np
import pytest
from leaks import assert_leaves_nothing
from scipy.signal import correlate2d
from traitlets import TraitError

from mnist_helpers import load_splits
from mnist_helpers.widgets.convolution_explorer import ConvolutionExplorer


@pytest.fixture(scope="module")
def digit() -> np.ndarray:
    return load_splits("channels")[0][0][15]


@pytest.fixture
def explorer(digit) -> ConvolutionExplorer:
    return ConvolutionExplorer(digit, row=13, column=15)


def test_products_are_pixels_times_weights(explorer, digit):
    assert explorer.kernel == [-1, 0, 1] * 3
    expected = digit[13:16, 15:18, 0] * [[-1, 0, 1]]
    np.testing.assert_allclose(explorer.products, expected)
    assert explorer.products.sum() == pytest.approx(explorer.feature_map[13, 15])


def test_map_equals_scipy_for_any_kernel(explorer, digit, rng):
    for kernel in rng.normal(0, 2, (5, 3, 3)):
        explorer.kernel = kernel
        expected = correlate2d(digit[:, :, 0], kernel, mode="valid")
        explorer.relu, explorer.pool = False, False
        np.testing.assert_allclose(explorer.feature_map, expected, atol=1e-6)
        explorer.relu = True
        np.testing.assert_allclose(explorer.feature_map, np.where(expected > 0, expected, 0), atol=1e-6)
        explorer.pool = True
        corners = [expected[row::2, column::2] for row in (0, 1) for column in (0, 1)]
        np.testing.assert_allclose(
            explorer.feature_map, np.max([*corners, 0 * corners[0]], axis=0), atol=1e-6
        )


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (784,)])
def test_any_layout_of_a_digit(digit, shape):
    assert np.array_equal(ConvolutionExplorer(digit.reshape(shape)).image, digit[:, :, 0])


def test_state_sent_to_the_page_is_plain(explorer):
    sent = explorer.get_state(["image", "kernel", "row", "column", "relu", "pool", "whole"])
    assert [type(value) for value in sent.values()] == [list, list, int, int, bool, bool, bool]
    assert {type(value) for value in sent["kernel"] + sent["image"][0]} == {float}


def test_state_from_the_page_is_accepted(explorer):
    explorer.set_state({"kernel": [0, 0, 0, 0, 1, 0, 0, 0, 0], "row": 3, "relu": True})
    assert (explorer.kernel[4], explorer.row, explorer.column, explorer.relu) == (1, 3, 15, True)
    np.testing.assert_array_equal(explorer.feature_map, np.array(explorer.image)[1:-1, 1:-1])


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("kernel", "blur", r"kernel must be numbers from -99 to 99 of shape \(9,\) or \(3, 3\), got 'blur'"),
        ("kernel", list("abcdefghi"), r"kernel must be numbers .*'a'"),
        ("kernel", [1] * 8, r"kernel must be .* got shape \(8,\)"),
        ("kernel", [[1] * 3] * 4, r"kernel must be .* got shape \(4, 3\)"),
        ("kernel", [100] + [0] * 8, "kernel must be .* got numbers from 0.0 to 100.0"),
        ("kernel", [0] * 8 + [float("nan")], "kernel must be .* nan"),
        ("kernel", [float("inf")] * 9, "kernel must be .* inf"),
        ("kernel", None, r"kernel must be .* got shape \(\)"),
        ("image", np.zeros((2, 28, 28)), r"image must be .* got shape \(2, 28, 28\)"),
        ("image", np.full((28, 28), 255), "image must be numbers from 0 to 1 .* 255"),
        ("image", np.full((28, 28), -0.1), "image must be numbers from 0 to 1 .* -0.1"),
        ("row", 26, "'row'.* greater than 25"),
        ("column", -1, "'column'.* less than 0"),
        ("row", 1.5, "'row'.* int"),
        ("relu", "yes", "'relu'.* boolean"),
    ],
)
def test_bad_value_is_rejected_and_changes_nothing(explorer, digit, name, value, complaint):
    before = explorer.get_state()
    with pytest.raises(TraitError, match=complaint):
        setattr(explorer, name, value)
    with pytest.raises(TraitError, match=complaint):
        explorer.set_state({"pool": True, name: value})  # a message from a page: all or nothing
    assert explorer.get_state() == before
    with pytest.raises(TraitError, match=complaint):
        ConvolutionExplorer(**({"image": digit} | {name: value}))


def test_output_has_text_and_picture(explorer):
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"] == (
        "ConvolutionExplorer: row 13, column 15, kernel -1 0 1 -1 0 1 -1 0 1, sum 1.39, ReLU off, pooling off"
    )
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} < set(data)


def test_picture_shows_the_state(explorer):
    explorer.relu = True
    digit, products, feature_map = explorer.static_figure().axes
    np.testing.assert_array_equal(digit.images[0].get_array(), explorer.image)
    assert digit.patches[0].get_bbox().bounds == (14.5, 12.5, 3, 3)
    assert [text.get_text() for text in products.texts] == [f"{p:.2f}" for p in explorer.products.ravel()]
    np.testing.assert_array_equal(feature_map.images[0].get_array(), explorer.feature_map)
    assert (products.get_title(), feature_map.get_title()) == ("products, sum 1.39", "feature map, ReLU")


def test_many_moves_leave_nothing_behind(explorer):
    def move() -> None:
        for step in range(200):
            explorer.row, explorer.column = divmod(step, 26)
            explorer.kernel = np.full(9, step / 100)

    assert_leaves_nothing(move)
