"""The convolution explorer: what Python and the page compute, and what is rejected."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from javascript import run
from scipy.signal import correlate2d
from traitlets import TraitError

from mnist_helpers.widgets import ConvolutionExplorer


@pytest.fixture
def digit(rng) -> np.ndarray:
    return rng.random((28, 28, 1), dtype="float32")


@pytest.mark.parametrize("relu", [False, True])
def test_maps_equal_scipy_in_python_and_in_the_page(digit, rng, relu):
    kernels = rng.normal(0, 2, (3, 3, 3))
    page = run(
        "convolution_explorer.js",
        "data.kernels.map((kernel) => module.computeMaps(data.image, kernel, data.relu))",
        {"image": digit[:, :, 0], "kernels": kernels.reshape(3, 9), "relu": relu},
    )
    explorer = ConvolutionExplorer(digit, relu=relu)
    for kernel, computed in zip(kernels, page, strict=True):
        expected = correlate2d(digit[:, :, 0], kernel, mode="valid")
        expected = np.maximum(expected, 0) if relu else expected
        corners = [expected[row::2, column::2] for row in (0, 1) for column in (0, 1)]
        explorer.kernel = kernel
        for explorer.pool, name, values in (
            (False, "map", expected),
            (True, "pooled", np.max(corners, axis=0)),
        ):
            np.testing.assert_allclose(explorer.feature_map, values, atol=1e-6)
            np.testing.assert_allclose(computed[name], values, atol=1e-5)


def test_products_are_those_of_the_window(digit):
    weights = np.arange(9).reshape(3, 3)
    for image in (digit, digit[:, :, 0], digit.ravel()):
        explorer = ConvolutionExplorer(image, weights, row=13, column=15)
        np.testing.assert_allclose(explorer.products, digit[13:16, 15:18, 0] * weights)
    seen = run("convolution_explorer.js", "module.pixelsAt(data, 13, 15)", explorer.image)
    np.testing.assert_allclose(seen, digit[13:16, 15:18].ravel())


def test_colors_are_those_of_the_figures_and_text_on_them_can_be_read():
    shares = np.linspace(-1.2, 1.2, 49)
    colors_and_texts = "data.map(module.signedColor).map((color) => [color, module.textColor(color)])"
    colors, texts = zip(*run("color.js", colors_and_texts, shares), strict=True)
    expected = plt.colormaps["RdBu_r"](0.5 + shares / 2, bytes=True)[:, :3]
    np.testing.assert_allclose(colors, expected, atol=4)
    share = np.array(colors) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722] + 0.05  # WCAG 2.2
    contrast = np.where(np.array(texts) == "#000", light / 0.05, 1.05 / light)
    assert contrast.min() >= 4.5


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("kernel", "blur", r"kernel must be numbers from -99 to 99 of shape \(9,\) or \(3, 3\), got 'blur'"),
        ("kernel", [[1] * 3] * 4, r"kernel must be .* got shape \(4, 3\)"),
        ("kernel", [100] + [0] * 8, "kernel must be .* got numbers from 0.0 to 100.0"),
        ("kernel", [0] * 8 + [float("nan")], "kernel must be .* nan"),
        ("image", np.full((28, 28), 255), "image must be numbers from 0 to 1 .* 255"),
        ("row", 26, "'row'.* greater than 25"),
        ("column", -1, "'column'.* less than 0"),
    ],
)
def test_bad_value_is_rejected_and_changes_nothing(digit, name, value, complaint):
    explorer = ConvolutionExplorer(digit)
    before = explorer.get_state()
    with pytest.raises(TraitError, match=complaint):
        setattr(explorer, name, value)
    explorer.set_state({"pool": True, name: value})  # a message from a page: all or nothing
    assert explorer.get_state() == before
