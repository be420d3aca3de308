"""The convolution explorer: what Python and the page compute, what is rejected, and the static picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from javascript import run
from scipy.signal import correlate2d
from traitlets import TraitError

from mnist_helpers import load_splits
from mnist_helpers.widgets import ConvolutionExplorer


@pytest.fixture(scope="module")
def digit() -> np.ndarray:
    return load_splits("channels")[0][0][15]


@pytest.fixture
def explorer(digit) -> ConvolutionExplorer:
    return ConvolutionExplorer(digit, row=13, column=15)


def test_products_are_pixels_times_weights(explorer, digit):
    assert explorer.kernel == [-1, 0, 1] * 3
    np.testing.assert_allclose(explorer.products, digit[13:16, 15:18, 0] * [[-1, 0, 1]])
    seen = run("convolution_explorer.js", "module.pixelsAt(data, 13, 15)", explorer.image)
    np.testing.assert_allclose(np.reshape(seen, (3, 3)), digit[13:16, 15:18, 0])


@pytest.mark.parametrize("relu", [False, True])
def test_maps_equal_scipy_in_python_and_in_the_page(explorer, digit, rng, relu):
    kernels = rng.normal(0, 2, (5, 3, 3))
    page = run(
        "convolution_explorer.js",
        "data.kernels.map((kernel) => module.computeMaps(data.image, kernel, data.relu))",
        {"image": digit[:, :, 0], "kernels": kernels.reshape(5, 9), "relu": relu},
    )
    explorer.relu = relu
    for kernel, computed in zip(kernels, page, strict=True):
        expected = correlate2d(digit[:, :, 0], kernel, mode="valid")
        expected = np.maximum(expected, 0) if relu else expected
        corners = [expected[row::2, column::2] for row in (0, 1) for column in (0, 1)]
        explorer.kernel = kernel
        for pool, name, values in ((False, "map", expected), (True, "pooled", np.max(corners, axis=0))):
            explorer.pool = pool
            np.testing.assert_allclose(explorer.feature_map, values, atol=1e-6)
            np.testing.assert_allclose(computed[name], values, atol=1e-5)


def test_colors_are_those_of_the_figures_and_text_on_them_can_be_read():
    shares = np.linspace(-1.2, 1.2, 49)
    expression = (
        "data.map((share) => [module.signedColor(share), module.textColor(module.signedColor(share))])"
    )
    colors, texts = zip(*run("color.js", expression, shares), strict=True)
    expected = plt.colormaps["RdBu_r"](0.5 + shares / 2, bytes=True)[:, :3]
    np.testing.assert_allclose(colors, expected, atol=4)
    share = np.array(colors) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722] + 0.05  # WCAG 2.2
    contrast = np.where(np.array(texts) == "#000", light / 0.05, 1.05 / light)
    assert contrast.min() >= 4.5


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (784,)])
def test_any_layout_of_a_digit(digit, shape):
    assert np.array_equal(ConvolutionExplorer(digit.reshape(shape)).image, digit[:, :, 0])


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("kernel", "blur", r"kernel must be numbers from -99 to 99 of shape \(9,\) or \(3, 3\), got 'blur'"),
        ("kernel", [[1] * 3] * 4, r"kernel must be .* got shape \(4, 3\)"),
        ("kernel", [100] + [0] * 8, "kernel must be .* got numbers from 0.0 to 100.0"),
        ("kernel", [0] * 8 + [float("nan")], "kernel must be .* nan"),
        ("kernel", None, r"kernel must be .* got shape \(\)"),
        ("image", np.zeros((2, 28, 28)), r"image must be .* got shape \(2, 28, 28\)"),
        ("image", np.full((28, 28), 255), "image must be numbers from 0 to 1 .* 255"),
        ("row", 26, "'row'.* greater than 25"),
        ("column", -1, "'column'.* less than 0"),
        ("relu", "yes", "'relu'.* boolean"),
    ],
)
def test_bad_value_is_rejected_and_changes_nothing(explorer, digit, name, value, complaint):
    before = explorer.get_state()
    with pytest.raises(TraitError, match=complaint):
        setattr(explorer, name, value)
    explorer.set_state({"pool": True, name: value})  # a message from a page: all or nothing
    assert explorer.get_state() == before
    with pytest.raises(TraitError, match=complaint):
        ConvolutionExplorer(**({"image": digit} | {name: value}))


def test_output_has_text_picture_and_state(explorer):
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"] == (
        "ConvolutionExplorer: row 13, column 15, kernel -1 0 1 -1 0 1 -1 0 1, sum 1.39, ReLU off, pooling off"
    )
    page = data["application/vnd.mnist-helpers.widget+json"]
    assert page["view"] == "convolution_explorer"
    assert set(page["state"]) == {"image", "kernel", "row", "column", "relu", "pool", "whole"}


def test_picture_shows_the_state(explorer):
    explorer.relu = True
    digit, products, feature_map = explorer.static_figure().axes
    np.testing.assert_array_equal(digit.images[0].get_array(), explorer.image)
    assert digit.patches[0].get_bbox().bounds == (14.5, 12.5, 3, 3)
    assert [text.get_text() for text in products.texts] == [f"{p:.2f}" for p in explorer.products.ravel()]
    np.testing.assert_array_equal(feature_map.images[0].get_array(), explorer.feature_map)
    assert (products.get_title(), feature_map.get_title()) == ("products, sum 1.39", "feature map, ReLU")
