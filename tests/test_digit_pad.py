"""The digit pad without a browser: what is sent to the page, what comes back, and the static figure."""

import numpy as np
import pytest
from leaks import assert_leaves_nothing
from scipy.signal import correlate
from traitlets import TraitError

from mnist_helpers import load_mnist
from mnist_helpers.preparation import draw_strokes, prepare
from mnist_helpers.startup import quiet_start
from mnist_helpers.widgets import digit_pad
from mnist_helpers.widgets.digit_pad import DigitPad, network_description

with quiet_start():
    import keras
    from keras import layers


def network(*middle, inputs=(28, 28, 1), last=None) -> keras.Model:
    keras.utils.set_random_seed(6)
    last = last or layers.Dense(10, activation="softmax")
    return keras.Sequential([keras.Input(shape=inputs), *middle, layers.Flatten(), last])


@pytest.fixture(scope="module")
def small() -> dict[str, keras.Model]:
    """Untrained networks with every kind of layer in the course, and nonzero biases."""
    networks = {
        "dense": network(layers.Dense(12, activation="relu"), inputs=(784,)),
        "deep": network(
            layers.Conv2D(4, kernel_size=3, activation="relu"),
            layers.Conv2D(5, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Dropout(0.25),
            layers.Conv2D(6, kernel_size=3, activation="relu"),
            layers.MaxPooling2D(),
        ),
    }
    rng = np.random.default_rng(3)
    for model in networks.values():
        model.set_weights([values + rng.normal(0, 0.05, values.shape) for values in model.get_weights()])
    return networks


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return tuple(part[:50] for part in load_mnist()[0])


def compute(description: dict, weights: bytes, image: np.ndarray) -> np.ndarray:
    """What the page should compute, done with scipy from the description alone."""
    floats = np.frombuffer(weights, "<f4")
    values = image.reshape(description["input"])

    def take(*shape):
        nonlocal floats
        taken, floats = floats[: np.prod(shape)], floats[np.prod(shape) :]
        return taken.reshape(shape)

    for layer in description["layers"]:
        if layer["kind"] == "conv":
            kernels = take(3, 3, values.shape[2], layer["filters"])
            maps = [correlate(values, kernels[..., f], mode="valid") for f in range(layer["filters"])]
            values = np.concatenate(maps, axis=2) + take(layer["filters"])
        elif layer["kind"] == "pool":
            rows, columns = values.shape[0] // 2, values.shape[1] // 2
            cut = values[: 2 * rows, : 2 * columns]
            values = cut.reshape(rows, 2, columns, 2, -1).max(axis=(1, 3))
        elif layer["kind"] == "dense":
            values = values.ravel() @ take(values.size, layer["units"]) + take(layer["units"])
        if layer.get("activation") == "relu":
            values = np.maximum(values, 0)
    assert not len(floats)
    assert layer["activation"] == "softmax"
    return np.exp(values) / np.exp(values).sum()


# network_description


@pytest.mark.parametrize("name", ["dense", "deep"])
def test_description_is_sufficient(small, digits, name):
    description, weights = network_description(small[name])
    for image in digits[0][:5] / np.float32(255):
        answer = np.asarray(small[name](image.reshape(1, *description["input"])))[0]
        assert np.allclose(compute(description, weights, image), answer, atol=1e-6)


def test_description_has_all_weights_and_layers(small):
    description, weights = network_description(small["deep"])
    assert len(weights) == 4 * small["deep"].count_params()
    assert [layer["kind"] for layer in description["layers"]] == [
        "conv",
        "conv",
        "pool",
        "conv",
        "pool",
        "dense",
    ]
    assert description["layers"][1] == {"kind": "conv", "filters": 5, "activation": "relu"}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (network(layers.Conv2D(4, 3, padding="same", activation="relu")), "Conv2D with {'padding': 'same'}"),
        (network(layers.Conv2D(4, 5, activation="relu")), r"Conv2D with {'kernel_size': \(5, 5\)}"),
        (network(layers.Conv2D(4, 3, strides=2, activation="relu")), r"{'strides': \(2, 2\)}"),
        (network(layers.Conv2D(4, 3, activation="tanh")), "Conv2D with tanh"),
        (network(layers.Conv2D(4, 3, activation="relu", use_bias=False)), "{'use_bias': False}"),
        (network(layers.MaxPooling2D(3)), r"MaxPooling2D with {'pool_size': \(3, 3\)"),
        (network(layers.Dense(3, activation="relu")), r"Dense with {'input': \(28, 28, 1\)}"),
        (network(layers.BatchNormalization()), "a BatchNormalization"),
        (network(last=layers.Dense(10)), "Dense with linear"),
        (network(last=layers.Dense(9, activation="softmax")), r"maps \(28, 28, 1\) to \(9,\)"),
        (network(inputs=(32, 32, 1)), r"maps \(32, 32, 1\) to \(10,\)"),
        (keras.Sequential([layers.Dense(10)]), "must be a built keras.Sequential"),
        ("mlp", "must be a built keras.Sequential, got 'mlp'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_description_rejects_what_the_page_cannot_compute(model, message):
    with pytest.raises(ValueError, match=message):
        network_description(model)


# The pad's arguments


def test_pad_sends_images_as_bytes(small, digits):
    images, labels = digits
    exact = DigitPad(small, images, labels)
    assert exact._images == images.tobytes()
    assert exact._labels == labels.tolist()
    scaled = (images / np.float32(255)).reshape(-1, 784)
    assert DigitPad(small, scaled)._images == exact._images
    assert (DigitPad(small)._images, DigitPad(small)._labels) == (b"", [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": {}}, "networks must be a dict of names and models"),
        ({"networks": []}, "networks must be a dict of names and models"),
        ({"networks": {"MLP": 3}}, "must be a built keras.Sequential, got 3"),
        ({"images": np.zeros((28, 28))}, r"got \(28, 28\); for one image pass image\[None\]"),
        ({"images": np.full((1, 28, 28), 2.0)}, "uint8 or floats from 0 to 1, got float64"),
        ({"images": np.zeros((1, 28, 28), int)}, "uint8 or floats from 0 to 1, got int64"),
        ({"labels": [3]}, "one label per image: got 1 for 0 images"),
        ({"images": np.zeros((2, 28, 28)), "labels": [3]}, "one label per image: got 1 for 2 images"),
        ({"images": np.zeros((1, 28, 28)), "labels": [10]}, "labels must hold digits 0 to 9"),
        ({"images": np.zeros((1, 28, 28)), "labels": np.eye(10)[:1]}, r"take argmax\(axis=1\)"),
    ],
)
def test_bad_arguments(small, arguments, message):
    with pytest.raises(ValueError, match=message):
        DigitPad(**{"networks": small} | arguments)


# The pad's state


def test_pad_starts_with_the_example(small):
    pad = DigitPad(small)
    image = prepare(draw_strokes(digit_pad.EXAMPLE, digit_pad.EXAMPLE_WIDTH))
    assert np.array_equal(pad.input, image)
    for name, model in small.items():
        answer = np.asarray(model(image.reshape(1, *model.input_shape[1:])))[0]
        assert np.allclose(pad.probabilities[name], answer)
        assert pad.digits[name] == answer.argmax()


def sent_by_the_page(image, answers) -> dict:
    return {"input": memoryview(image.tobytes()), "probabilities": answers}


def test_pad_accepts_what_the_page_sends(small, digits):
    pad = DigitPad(small)
    image = digits[0][0] / np.float32(255)
    answers = {"dense": np.eye(10)[3].tolist(), "deep": [0.05] * 8 + [0.4, 0.2]}
    pad.set_state(sent_by_the_page(image, answers))
    assert np.array_equal(pad.input, image)
    assert pad.probabilities == answers
    assert pad.digits == {"dense": 3, "deep": 8}
    assert repr(pad) == "DigitPad: dense reads 3 (>99.9 %), deep reads 8 (40.0 %)"


def test_pad_is_read_only(small):
    pad = DigitPad(small)
    before = pad.input.copy()
    with pytest.raises(TraitError, match='"input" trait is read-only'):
        pad.input = np.zeros((28, 28), "float32")
    with pytest.raises(TraitError, match='"probabilities" trait is read-only'):
        pad.probabilities = {}
    assert np.array_equal(pad.input, before)


def test_many_changes_leave_nothing_behind(small, digits):
    pad = DigitPad(small)
    images = digits[0] / np.float32(255)

    def change():
        for i in range(200):
            pad.set_state(sent_by_the_page(images[i % 50], {name: [0.1] * 10 for name in small}))
            repr(pad)
        pad._repr_mimebundle_()

    assert_leaves_nothing(change)


# Without a kernel


def test_figure_shows_the_steps_and_the_answers(small):
    pad = DigitPad(small)
    figure = pad.static_figure()
    *steps, smaller, prepared = figure.axes
    drawing = draw_strokes(digit_pad.EXAMPLE, digit_pad.EXAMPLE_WIDTH)
    pictures = [ax.images[0].get_array() for ax in steps]
    assert [picture.shape for picture in pictures] == [(280, 280), (28, 28), (116, 88), (20, 16), (28, 28)]
    assert np.array_equal(pictures[0], drawing)
    assert np.array_equal(pictures[-1].astype("float32"), prepare(drawing))
    assert pad.input.sum() > 0
    heights = [[bar.get_height() for bar in bars] for bars in prepared.containers]
    assert np.allclose(heights, list(pad.probabilities.values()))
    assert [text.get_text() for text in smaller.get_legend().get_texts()] == ["dense", "deep"]
    assert not np.allclose(heights, [[bar.get_height() for bar in bars] for bars in smaller.containers])


def test_figure_does_not_change_the_state(small):
    pad = DigitPad(small)
    before = repr(pad), pad.input.copy()
    pad._repr_mimebundle_()
    assert repr(pad) == before[0]
    assert np.array_equal(pad.input, before[1])


def test_bundle_has_view_picture_and_text(small):
    pad = DigitPad(small)
    data, _ = pad._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == pad.model_id
    assert data["image/png"]
    assert data["text/plain"] == repr(pad)
