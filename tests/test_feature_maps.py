"""The feature maps: what Keras and the page compute, what is reset or rejected, and what is shown."""

import json

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

from mnist_helpers import draw_strokes, load_run, load_splits, prepare
from mnist_helpers.widgets import FeatureMaps
from mnist_helpers.widgets.feature_maps import FRAME, LINE, _sheet

RUNS = {"CNN": "cnn", "Deep CNN": "deep_cnn", "MLP": "mlp"}
STATE = ("network", "digit", "number", "layer", "channel")


@pytest.fixture(scope="module")
def data() -> tuple[dict, np.ndarray, np.ndarray]:
    _, (images, one_hot), _ = load_splits("channels")
    models = {name: load_run(run)[0] for name, run in RUNS.items()}
    return models, images[:200], one_hot[:200].argmax(axis=1)


@pytest.fixture
def maps(data) -> FeatureMaps:
    return FeatureMaps(*data)


def state(maps: FeatureMaps) -> dict:
    return {name: getattr(maps, name) for name in STATE}


@pytest.mark.parametrize("name", RUNS)
def test_page_computes_and_says_the_same_of_every_layer(maps, data, name):
    models, images, labels = data
    maps.network, maps.digit, maps.number = name, 5, 2
    image = images[np.flatnonzero(labels == 5)[2]]
    page = run(
        "network.js",
        "module.activations(module.createNetwork(data.description, data.weights), data.image)",
        next(each for each in maps.networks if each["name"] == name) | {"image": image.ravel()},
    )
    assert len(page) == len(maps._allowed("layer"))
    for layer in page:
        maps.layer = layer["name"]
        np.testing.assert_allclose(np.ravel(layer["values"]), maps.maps.ravel(), atol=1e-4)
        assert layer["shape"] in ([*maps.maps.shape], [maps.maps.shape[-1]])
        maps.channel = maps.maps.shape[-1] - 1
        said = run(
            "feature_maps.js",
            "module.describe(data.state, data.outputs, module.channelsOf(data.outputs[0]))",
            {"state": state(maps), "outputs": [layer, page[-1]]},
        )
        assert repr(maps) == f"FeatureMaps: number 2. {said}"
    expected = models[name](image.reshape(1, *models[name].input_shape[1:]))
    np.testing.assert_allclose(maps.maps[0, 0], expected[0], atol=1e-5)


def test_drawing_is_followed_as_a_digit_is(maps, data):
    maps.drawing = draw_strokes([[(150, 40), (140, 150), (132, 240)]], 24)
    assert "CNN: a 0, read as 0" in repr(maps)
    maps.drawn = True
    assert "CNN: your drawing, read as 1." in repr(maps)
    assert maps.static_figure().axes[0].get_title() == "your drawing"
    image = prepare(maps.drawing)[None, ..., None]
    np.testing.assert_allclose(maps.maps, data[0]["CNN"].layers[0](image)[0], atol=1e-5)
    page = run(
        "feature_maps.js",
        "module.describe(data.state, data.outputs, module.channelsOf(data.outputs[0]))",
        {
            "state": state(maps) | {"drawn": True},
            "outputs": [
                {"shape": maps.maps.shape, "values": maps.maps.ravel()},
                {"shape": [10], "values": np.eye(10)[1]},
            ],
        },
    )
    assert repr(maps) == f"FeatureMaps: number 0. {page}"


def test_page_has_300_validation_images_of_each_digit(data, maps):
    _, (images, one_hot), _ = load_splits("channels")
    models, labels = {"CNN": data[0]["CNN"]}, one_hot.argmax(axis=1)
    bundle = FeatureMaps(models, images, labels).page_bundle()
    assert bundle["state"]["counts"] == [300] * 10
    assert bundle["state"]["networks"][0]["weights"].keys() == {"sha256"}
    assert len(json.dumps(bundle)) < 6_000
    page = run("digits.js", "module.unpackBlock(data)", FeatureMaps.on_demand["7-1"]())
    places = np.flatnonzero(labels == 7)[100:200]
    assert [each["position"] for each in page] == places.tolist()
    assert np.array_equal([each["image"] for each in page], np.rint(255 * images[places]).reshape(100, -1))
    assert maps.page_bundle() == {}  # of 200 images only


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
    before, after = (dict(zip(STATE, values, strict=True)) for values in (before, after))
    for name, value in [*before.items(), *change.items()]:
        setattr(maps, name, value)
    assert state(maps) == after
    counts = {"channels": maps._channels, "images": np.bincount(data[2])}
    settled = {"state": before | change, "counts": counts}
    assert run("feature_maps.js", "module.settle(data.state, data.counts)", settled) == after


def test_weights_changed_later_are_used(data):
    import keras

    dense = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.layers.Input((28, 28, 1)), keras.layers.Flatten(), dense])
    maps = FeatureMaps({"one layer": model}, *data[1:])
    dense.set_weights([np.zeros((784, 10)), np.eye(10)[4] * 9])
    assert "a 0, read as 4." in repr(maps)
    maps._repr_mimebundle_()
    assert maps.networks[0]["weights"][-40:] == (np.eye(10, dtype="<f4")[4] * 9).tobytes()


def test_channels_share_one_scale_in_the_figure_and_in_the_page(maps):
    maps.layer, maps.channel = "convolution 2", 9
    shares = 1 - maps.maps / maps.maps.max()
    _, sheet, large = [ax.images[0].get_array() for ax in maps.static_figure().axes]
    np.testing.assert_allclose(large, shares[..., 9])
    np.testing.assert_allclose(sheet, _sheet(shares, chosen=9))
    page = run("feature_maps.js", "module.colorsOf(data)", maps.maps.ravel())
    np.testing.assert_allclose(np.array(page)[:, 0] / 255, shares.ravel(), atol=0.003)
    page = run("feature_maps.js", "[[-2, 0, 2], [1, 2]].map((values) => module.colorsOf(values))")
    assert page == [[[255] * 3, [128] * 3, [0] * 3], [[128] * 3, [0] * 3]]


@pytest.mark.parametrize("shape", [(3, 3, 9), (1, 1, 20), (2, 2, 3)])
def test_page_lays_channels_out_like_the_figure(shape):
    values = np.arange(np.prod(shape)).reshape(shape)
    page = run(
        "feature_maps.js",
        """(() => {
            const [rows, columns, count] = data.shape;
            const colorOf = (row, column, channel) => [data.values[row][column][channel]];
            const sheet = module.sheetPicture({ rows, columns, count }, colorOf, 1);
            const places = (length) => Array.from({ length }, (_, i) => i);
            return places(sheet.rows).map((row) => places(sheet.columns).map((column) =>
                sheet.colorAt(row, column)));
        })()""",
        {"shape": shape, "values": values},
    )
    shown = {LINE: [190, 190, 190], FRAME: [213, 94, 0]}
    expected = [[shown.get(tuple(color), [color[0]]) for color in line] for line in _sheet(values, chosen=1)]
    assert page == expected
    height, width, _ = shape  # the second channel is the framed one
    assert (_sheet(values, chosen=1)[1 : height + 1, width + 2 : -1][:, :width, 0] == values[..., 1]).all()


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("network", "RNN", "network must be one of CNN, Deep CNN, MLP; got 'RNN'"),
        ("layer", "convolution 3", "layer must be one of convolution 1, .*; got 'convolution 3'"),
        ("channel", 32, "channel must be one of 0 to 31; got 32"),
        ("digit", 10, "digit must be one of 0, 1, .*, 9; got 10"),
        ("number", -1, r"number must be one of 0 to \d+; got -1"),
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
        (lambda m, x, y: (m["CNN"], x, y), "networks must be a dict"),
        (lambda m, x, y: ({"CNN": "cnn"}, x, y), "network must be a built keras.Sequential .*'cnn'"),
        (lambda m, x, y: (m, x * 255, y), "images must be from 0 to 1"),
        (lambda m, x, y: (m, x, y[:9]), "labels must have length 200"),
        (lambda m, x, y: (m, x, y % 8), "labels must contain every digit, missing 8, 9"),
    ],
)
def test_bad_argument_is_rejected(data, change, complaint):
    with pytest.raises(ValueError, match=complaint):
        FeatureMaps(*change(*data))
