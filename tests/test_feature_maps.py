"""The feature maps: what Keras and the page compute, what is reset or rejected, and what is shown."""

import numpy as np
import pytest
from javascript import run
from scipy.signal import correlate2d
from traitlets import TraitError

from mnist_helpers import load_run, load_splits
from mnist_helpers.widgets import FeatureMaps

RUNS = {"CNN": "cnn", "Deep CNN": "deep_cnn", "MLP": "mlp"}
LAYERS = {
    "CNN": ["convolution 1", "pooling 1", "convolution 2", "pooling 2", "dense 1", "dense 2"],
    "Deep CNN": [
        *("convolution 1", "convolution 2", "pooling 1", "convolution 3", "convolution 4", "pooling 2"),
        *("dense 1", "dense 2"),
    ],
    "MLP": ["dense 1", "dense 2", "dense 3", "dense 4"],
}


@pytest.fixture(scope="module")
def data() -> tuple[dict, np.ndarray, np.ndarray]:
    _, (images, one_hot), _ = load_splits("channels")
    models = {name: load_run(run)[0] for name, run in RUNS.items()}
    return models, images[:200], one_hot[:200].argmax(axis=1)


@pytest.fixture
def maps(data) -> FeatureMaps:
    return FeatureMaps(*data)


def state(maps: FeatureMaps) -> tuple:
    return maps.network, maps.digit, maps.number, maps.layer, maps.channel


def small_network(*layers):
    import keras

    return keras.Sequential([keras.layers.Input((28, 28, 1)), *layers])


def test_first_convolution_equals_scipy(maps, data):
    models, images, labels = data
    maps.digit, maps.number = 7, 3
    image = images[np.flatnonzero(labels == 7)[3], :, :, 0]
    weights, biases = models["CNN"].layers[0].get_weights()
    expected = [
        np.maximum(0, correlate2d(image, weights[:, :, 0, i], mode="valid") + biases[i]) for i in range(32)
    ]
    np.testing.assert_allclose(maps.maps, np.moveaxis(expected, 0, -1), atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_page_computes_the_same_in_every_layer(maps, data, name):
    models, images, labels = data
    maps.network, maps.digit = name, 5
    image = images[np.flatnonzero(labels == 5)[0]]
    page = run(
        "network.js",
        "module.activations(module.createNetwork(data.description, data.weights), data.image)",
        maps.networks[name] | {"image": image.ravel()},
    )
    assert [layer["name"] for layer in page] == LAYERS[name]
    for layer in page:
        maps.layer = layer["name"]
        np.testing.assert_allclose(np.ravel(layer["values"]), maps.maps.ravel(), atol=1e-4)
        assert layer["shape"] in ([*maps.maps.shape], [maps.maps.shape[-1]])
    expected = models[name](image.reshape(1, *models[name].input_shape[1:]))
    np.testing.assert_allclose(maps.maps[0, 0], expected[0], atol=1e-5)
    assert f"read as {np.argmax(expected)}. Dense" in repr(maps)


def test_page_says_what_python_says(maps):
    maps.digit, maps.layer, maps.channel = 3, "convolution 2", 5
    values = maps.maps
    outputs = (
        {"shape": values.shape, "values": values.ravel()},
        {"values": [*maps._outputs().values()][-1][0, 0]},
    )
    names = ("network", "digit", "layer", "channel")
    said = run(
        "feature_maps.js",
        "module.describe(data.state, data.outputs, module.channelsOf(data.outputs[0]))",
        {"state": {name: getattr(maps, name) for name in names}, "outputs": outputs},
    )
    assert repr(maps) == f"FeatureMaps: number 0. {said}"
    assert said == (
        f"CNN: a 3, read as 3. Convolution 2: 32 channels of 11×11 on one scale, largest value "
        f"{values.max():.2f}. Channel 5: largest value {values[..., 5].max():.2f}."
    )


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (("Deep CNN", 0, 0, "convolution 4", 63), {"network": "CNN"}, ("CNN", 0, 0, "convolution 1", 31)),
        (("CNN", 0, 0, "convolution 2", 31), {"layer": "dense 2"}, ("CNN", 0, 0, "dense 2", 9)),
        (("CNN", 6, 21, "pooling 1", 1), {"digit": 5}, ("CNN", 5, 13, "pooling 1", 1)),
        (("CNN", 6, 3, "dense 1", 200), {"network": "Deep CNN"}, ("Deep CNN", 6, 3, "dense 1", 200)),
    ],
)
def test_invalid_choices_are_reset_in_python_and_in_the_page(maps, data, before, change, after):
    names = ("network", "digit", "number", "layer", "channel")
    for name, value in zip(names, before, strict=True):
        setattr(maps, name, value)
    for name, value in change.items():
        setattr(maps, name, value)
    assert state(maps) == after
    page = run(
        "feature_maps.js",
        "module.settle(data.state, data.counts)",
        {
            "state": dict(zip(names, before, strict=True)) | change,
            "counts": {"channels": maps._channels, "images": np.bincount(data[2])},
        },
    )
    assert tuple(page[name] for name in names) == after


def test_weights_changed_later_are_used(data):
    import keras

    model = small_network(keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax"))
    maps = FeatureMaps({"one layer": model}, *data[1:])
    assert maps.maps.shape == (1, 1, 10)
    model.layers[-1].set_weights([np.zeros((784, 10)), np.eye(10)[4] * 9])
    assert "a 0, read as 4." in repr(maps)
    maps._repr_mimebundle_()
    assert maps.networks["one layer"]["weights"][-40:] == (np.eye(10, dtype="<f4")[4] * 9).tobytes()


def test_channels_share_one_scale_and_one_is_framed(maps):
    maps.digit, maps.layer, maps.channel = 3, "convolution 2", 9
    values = maps.maps
    assert np.ptp(values.max(axis=(0, 1))) > 1  # otherwise this tests nothing
    original, sheet, large = [ax.images[0].get_array() for ax in maps.static_figure().axes]
    assert original.shape == (28, 28)
    np.testing.assert_allclose(large, 1 - values[..., 9] / values.max())
    for i in range(32):
        top, left = 12 * (i // 8) + 1, 12 * (i % 8) + 1
        shown = sheet[top : top + 11, left : left + 11]
        np.testing.assert_allclose(shown, np.repeat(1 - values[..., i, None] / values.max(), 3, axis=2))
    page = run("feature_maps.js", "module.colorsOf(data)", values[5].ravel())
    expected = 1 - values[5].ravel() / values[5].max()
    np.testing.assert_allclose(np.array(page)[:, 0] / 255, expected, atol=0.003)
    page = run("feature_maps.js", "[module.colorsOf([-2, 0, 2]), module.colorsOf([1, 2])]")
    assert page == [[[255] * 3, [128] * 3, [0] * 3], [[128] * 3, [0] * 3]]
    assert (sheet[0] == sheet[0, 0]).all()
    framed = (sheet == sheet[12, 12]).all(axis=2)
    assert framed.sum() == 4 * 12
    assert framed[12:25, 12:25].sum() == 4 * 12


@pytest.mark.parametrize("shape", [(3, 3, 9), (1, 1, 20), (2, 2, 3)])
def test_page_lays_channels_out_like_the_figure(shape):
    from mnist_helpers.widgets.feature_maps import FRAME, LINE, _sheet

    values = np.arange(np.prod(shape)).reshape(shape)
    page = run(
        "feature_maps.js",
        """(() => {
            const [rows, columns, count] = data.shape;
            const colorOf = (row, column, channel) => [data.values[row][column][channel], 0, 0];
            const sheet = module.sheetPicture({ rows, columns, count }, colorOf, 1);
            const places = (length) => Array.from({ length }, (_, i) => i);
            return places(sheet.rows).map((row) => places(sheet.columns).map((column) =>
                sheet.colorAt(row, column)));
        })()""",
        {"shape": shape, "values": values},
    )
    expected = _sheet(values, chosen=1)
    lines = {tuple(color): shown for color, shown in ((LINE, (190, 190, 190)), (FRAME, (213, 94, 0)))}
    for line, shown_line in zip(expected, page, strict=True):
        for color, shown in zip(line, shown_line, strict=True):
            value = lines.get(tuple(color))
            assert tuple(shown) == (value or (color[0], 0, 0))


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("network", "RNN", "network must be one of CNN, Deep CNN, MLP; got 'RNN'"),
        ("layer", "convolution 3", "layer must be one of convolution 1, .*; got 'convolution 3'"),
        ("layer", 3, "'layer' trait"),
        ("channel", 32, "channel must be one of 0 to 31; got 32"),
        ("channel", -1, "channel must be one of 0 to 31; got -1"),
        ("digit", 10, "'digit'.* greater than 9"),
        ("number", 400, r"number must be one of 0 to \d+; got 400"),
    ],
)
def test_bad_value_is_rejected_and_changes_nothing(maps, name, value, complaint):
    before = state(maps)
    with pytest.raises(TraitError, match=complaint):
        setattr(maps, name, value)
    maps.set_state({name: value})  # from a page
    assert state(maps) == before


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda m, x, y: ({}, x, y), "models must be a dict"),
        (lambda m, x, y: (m["CNN"], x, y), "models must be a dict"),
        (lambda m, x, y: ({"CNN": "cnn"}, x, y), "network must be a built keras.Sequential .*'cnn'"),
        (lambda m, x, y: ({"nested": small_network(m["CNN"])}, x, y), "cannot compute .*Sequential"),
        (lambda m, x, y: (m, x[0], y), r"images must be \(n, 28, 28\).* got \(28, 28, 1\)"),
        (lambda m, x, y: (m, x.reshape(-1, 4, 14, 14), y), r"images must be .* got \(200, 4, 14, 14\)"),
        (lambda m, x, y: (m, x * np.nan, y), "images must be finite"),
        (lambda m, x, y: (m, x * 255, y), "images must be from 0 to 1"),
        (lambda m, x, y: (m, x, y[:9]), "labels must have length 200"),
        (lambda m, x, y: (m, x, np.eye(10)[y]), r"labels must be .*argmax\(axis=1\)"),
        (lambda m, x, y: (m, x, y % 8), "labels must contain every digit, missing 8, 9"),
    ],
)
def test_bad_argument_is_rejected(data, change, complaint):
    with pytest.raises(ValueError, match=complaint):
        FeatureMaps(*change(*data))


def test_output_has_text_picture_and_state(maps):
    bundle, _ = maps._repr_mimebundle_()
    assert bundle["text/plain"] == repr(maps)
    page = bundle["application/vnd.mnist-helpers.widget+json"]
    assert page["view"] == "feature_maps"
    assert "zlib" in page["state"]["images"]  # few enough to be in the notebook
    assert "sha256" in page["state"]["networks"]["CNN"]["weights"]
