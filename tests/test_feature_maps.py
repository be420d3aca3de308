"""The feature maps' state: what a layer outputs, what is rejected, and what the view shows."""

import gc
import threading
import time

import numpy as np
import pytest
from leaks import assert_leaves_nothing
from scipy.signal import correlate2d
from traitlets import TraitError

from mnist_helpers import load_run, load_splits
from mnist_helpers.widgets.feature_maps import FRAME, LINE, FeatureMaps, _sheet, _width

LAYERS = {
    "MLP": ["dense 1", "dense 2", "dense 3", "dense 4"],
    "CNN": ["convolution 1", "pooling 1", "convolution 2", "pooling 2", "dense 1", "dense 2"],
    "Deep CNN": [
        *("convolution 1", "convolution 2", "pooling 1", "convolution 3", "convolution 4", "pooling 2"),
        *("dense 1", "dense 2"),
    ],
}


@pytest.fixture(scope="module")
def data() -> tuple[dict, np.ndarray, np.ndarray]:
    _, (images, one_hot), _ = load_splits("channels")
    models = {
        name: load_run(run)[0] for name, run in (("CNN", "cnn"), ("Deep CNN", "deep_cnn"), ("MLP", "mlp"))
    }
    return models, images[:500], one_hot[:500].argmax(axis=1)


@pytest.fixture
def maps(data) -> FeatureMaps:
    return FeatureMaps(*data)


def state(maps: FeatureMaps) -> tuple:
    controls = {name: control.value for name, control in maps._controls.items()}
    assert controls == {name: getattr(maps, name) for name in controls}
    assert maps._controls["channel"].max == maps.maps.shape[-1] - 1
    return tuple(controls.values())


def test_initial_state(maps):
    assert state(maps) == ("CNN", 0, 0, "convolution 1", 0)


def test_first_convolution_equals_scipy(maps, data):
    models, images, labels = data
    maps.digit, maps.number = 7, 3
    image = images[np.flatnonzero(labels == 7)[3], :, :, 0]
    weights, biases = models["CNN"].layers[0].get_weights()
    expected = [
        np.maximum(0, correlate2d(image, weights[:, :, 0, i], mode="valid") + biases[i]) for i in range(32)
    ]
    np.testing.assert_allclose(maps.maps, np.moveaxis(expected, 0, -1), atol=1e-5)


def test_last_layer_is_what_the_network_predicts(maps, data):
    models, images, labels = data
    maps.digit = 5
    image = images[np.flatnonzero(labels == 5)[:1]]
    for name in LAYERS:
        maps.network = name
        maps.layer = LAYERS[name][-1]
        shape = models[name].input_shape[1:]
        expected = models[name].predict(image.reshape(1, *shape), verbose=0)
        np.testing.assert_allclose(maps.maps[0, 0], expected[0], atol=1e-5)
        assert f"read as {expected.argmax()}" in maps._said.text


def test_every_layer_of_every_network(maps, data):
    models, *_ = data
    for name, layers in LAYERS.items():
        maps.network = name
        assert list(maps._controls["layer"].options) == layers
        kinds = ("Conv2D", "MaxPooling2D", "Dense")
        kept = [layer for layer in models[name].layers if type(layer).__name__ in kinds]
        for layer, kept_layer in zip(layers, kept, strict=True):
            maps.layer = layer
            shape = kept_layer.output.shape[1:]
            assert maps.maps.shape == (tuple(shape) if len(shape) == 3 else (1, 1, *shape))
            state(maps)


def test_pooling_is_the_largest_of_four(maps):
    maps.layer = "convolution 1"
    before = maps.maps
    maps.layer = "pooling 1"
    np.testing.assert_array_equal(maps.maps, before.reshape(13, 2, 13, 2, 32).max(axis=(1, 3)))


def test_invalid_choices_are_reset(maps, data):
    maps.network, maps.layer, maps.channel = "Deep CNN", "convolution 4", 63
    maps.network = "CNN"
    assert state(maps) == ("CNN", 0, 0, "convolution 1", 31)
    maps.layer = "dense 2"
    assert state(maps) == ("CNN", 0, 0, "dense 2", 9)
    counts = np.bincount(data[2])
    most, least = counts.argmax(), counts.argmin()
    maps.digit = int(most)
    maps.number = int(counts[most]) - 1
    maps.digit = int(least)
    assert state(maps) == ("CNN", least, counts[least] - 1, "dense 2", 9)


def test_controls_set_the_state_and_invalid_values_are_reset(maps):
    maps._controls["channel"].value = 5
    maps._controls["layer"].value = "convolution 2"
    maps._controls["digit"].value = 4
    assert state(maps) == ("CNN", 4, 0, "convolution 2", 5)
    maps._controls["channel"].value = 99
    assert state(maps) == ("CNN", 4, 0, "convolution 2", 5)


def test_change_in_another_thread_is_not_lost(maps, monkeypatch):
    # Messages from two controls in JupyterLab can be handled in two threads of the kernel.
    in_the_middle, allowed = threading.Event(), maps._allowed

    def allowed_slowly(name: str):
        if threading.current_thread() is first and maps._setting:
            in_the_middle.set()
            time.sleep(0.2)
        return allowed(name)

    monkeypatch.setattr(maps, "_allowed", allowed_slowly)
    first = threading.Thread(target=setattr, args=[maps._controls["channel"], "value", 5])
    first.start()
    assert in_the_middle.wait(5)
    maps._controls["digit"].value = 4
    first.join()
    assert state(maps) == ("CNN", 4, 0, "convolution 1", 5)


def test_view_describes_and_shows_the_state(maps):
    maps.digit, maps.layer, maps.channel = 3, "convolution 2", 5
    values = maps.maps
    assert maps._said.text == (
        f"CNN: a 3, read as 3. Convolution 2: 32 channels of 11×11 on one scale, largest value "
        f"{values.max():.2f}. Channel 5: largest value {values[..., 5].max():.2f}."
    )
    assert repr(maps) == f"FeatureMaps: number 0. {maps._said.text}"
    for alt in ("The digit, a 3", "The channels of convolution 2; 5 is framed", "Channel 5 of convolution 2"):
        assert f'alt="{alt}"' in maps._view.value


def test_channels_share_one_scale(maps):
    maps.layer, maps.channel = "convolution 2", 7
    _, sheet, large = maps._pictures()
    values = maps.maps
    assert np.ptp(values.max(axis=(0, 1))) > 1  # otherwise this tests nothing
    expected = np.rint(255 * (1 - values / values.max()))
    assert abs(large - expected[..., 7]).max() <= 1
    for i in range(32):
        top, left = 12 * (i // 8) + 1, 12 * (i % 8) + 1
        assert abs(sheet[top : top + 11, left : left + 11, 0] - expected[..., i]).max() <= 1


def test_sheet_frames_one_channel_and_covers_none():
    inks = np.arange(2 * 2 * 9, dtype="uint8").reshape(2, 2, 9)
    sheet = _sheet(inks, chosen=8)
    assert sheet.shape == (2 * 3 + 1, 8 * 3 + 1, 3)
    assert (sheet[1:3, 1:3, 1] == inks[..., 0]).all()
    assert (sheet[4:6, 1:3, 2] == inks[..., 8]).all()
    framed = (sheet == FRAME).all(axis=-1)
    assert framed.sum() == 12
    assert framed[3:7, 0:4].sum() == 12
    assert (sheet[0] == LINE).all()


@pytest.mark.parametrize("shape", [(26, 26, 32), (8, 8, 64), (1, 1, 256), (1, 1, 10)])
def test_picture_has_whole_pixels_and_fits(shape):
    sheet = _sheet(np.zeros(shape, dtype="uint8"), 0)
    width = _width(sheet, 440)
    assert width % sheet.shape[1] == 0
    assert 0 < width <= 440
    assert width / sheet.shape[1] * sheet.shape[0] <= 300


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("network", "RNN", "network must be one of CNN, Deep CNN, MLP; got 'RNN'"),
        ("layer", "convolution 3", "layer must be one of convolution 1, .*; got 'convolution 3'"),
        ("layer", 3, "'layer' trait"),
        ("channel", 32, "channel must be one of 0 to 31; got 32"),
        ("channel", -1, "channel must be one of 0 to 31; got -1"),
        ("digit", 10, "digit must be one of 0 to 9; got 10"),
        ("digit", "three", "'digit' trait"),
        ("number", 400, r"number must be one of 0 to \d+; got 400"),
    ],
)
def test_bad_value_is_rejected_and_changes_nothing(maps, name, value, complaint):
    before = state(maps), maps._view.value, maps._said.text
    with pytest.raises(TraitError, match=complaint):
        setattr(maps, name, value)
    assert (state(maps), maps._view.value, maps._said.text) == before


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda m, x, y: ({}, x, y), "models must be a dict"),
        (lambda m, x, y: (m["CNN"], x, y), "models must be a dict"),
        (lambda m, x, y: ({"CNN": "cnn"}, x, y), r"models\['CNN'\] must be a keras model, got str"),
        (lambda m, x, y: (m, x[0], y), r"images must be \(n, 28, 28\).*, got \(28, 28, 1\)"),
        (lambda m, x, y: (m, x[:, :14], y), r"images must be .* got \(500, 14, 28, 1\)"),
        (lambda m, x, y: (m, x * 255, y), "images must hold numbers from 0 to 1, got 0.0 to 255.0"),
        (lambda m, x, y: (m, x, y[:9]), r"labels must be 500 integers, .* shape \(9,\)"),
        (lambda m, x, y: (m, x, np.eye(10)[y]), r"labels must be .*labels.argmax\(axis=1\)"),
        (lambda m, x, y: (m, x, y % 8), "labels must contain every digit, missing 8, 9"),
    ],
)
def test_bad_argument_is_rejected(data, change, complaint):
    with pytest.raises(ValueError, match=complaint):
        FeatureMaps(*change(*data))


def test_output_has_text_and_picture(maps):
    bundle, _ = maps._repr_mimebundle_()
    assert bundle["text/plain"] == repr(maps)
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} < set(bundle)


def test_picture_shows_the_state(maps):
    maps.layer, maps.channel = "pooling 2", 4
    axes = maps.static_figure().axes
    for ax, picture in zip(axes, maps._pictures(), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), picture)
    assert [ax.get_title() for ax in axes] == ["a 0", "CNN, pooling 2", "channel 4"]


def test_two_hundred_changes_leave_nothing_behind(maps):
    def move() -> None:
        for i in range(200):
            maps.layer = ("convolution 1", "pooling 2", "dense 2")[i % 3]
            maps.channel = i % 10
            maps.digit = i // 20  # seldom, because a forward pass takes time

    assert_leaves_nothing(move)


def test_changes_build_and_trace_nothing(maps):
    import keras

    def networks() -> int:
        gc.collect()
        return sum(isinstance(thing, keras.Model) for thing in gc.get_objects())

    before = networks()
    for name in LAYERS:
        maps.network = name
    assert networks() == before
    assert all(model.predict_function is None for model in maps._inside.values())
