"""The digit pad without a browser: its state, and that JavaScript and Python compute the same from it."""

from itertools import product

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

from mnist_helpers import (
    add_noise,
    draw_strokes,
    load_mnist,
    prepare,
    resize,
    rotate,
    shift,
    thicken,
)
from mnist_helpers.startup import quiet_start
from mnist_helpers.widgets import DigitPad
from mnist_helpers.widgets.pad import EXAMPLE, EXAMPLE_WIDTH

with quiet_start():
    import keras

STILL = {"thickness": 0, "size": 1, "rotation": 0, "right": 0, "down": 0, "noise": 0, "seed": 0}
FULL = dict.fromkeys(("crop", "fit", "center"), True)
ZERO = [[(140, 40), (75, 90), (70, 190), (140, 240), (205, 190), (205, 90), (140, 40)]]
DRAW = """
(() => {
  const ink = module.emptyPad();
  for (const points of data.strokes) {
    points.forEach((point, i) => module.drawLine(ink, points[Math.max(0, i - 1)], point, data.width));
  }
  return { ink, images: data.steps.map((steps) => module.prepare(ink, steps).input) };
})()
"""


@pytest.fixture(scope="module")
def small() -> dict[str, keras.Model]:
    keras.utils.set_random_seed(6)
    layers = [[keras.Input(shape=(784,)), keras.layers.Dense(10, activation="softmax")] for _ in range(2)]
    return dict(zip(("one", "another"), map(keras.Sequential, layers), strict=True))


@pytest.fixture
def pad(small) -> DigitPad:
    return DigitPad(small)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_mnist()[1][0][:20].astype("float32") / 255


# The page computes what Python computes


@pytest.mark.parametrize(
    ("strokes", "width"), [(EXAMPLE, EXAMPLE_WIDTH), (ZERO, 24), ([[(270, 270)]], 24), ([], 24)]
)
def test_page_draws_and_prepares_as_python_does(strokes, width):
    steps = [dict(zip(("crop", "fit", "center"), on, strict=True)) for on in product([True, False], repeat=3)]
    found = run("image.js", DRAW, {"strokes": strokes, "width": width, "steps": steps})
    drawing = draw_strokes(strokes, width)
    assert np.array_equal(np.reshape(found["ink"], (280, 280)), np.rint(255 * drawing))
    for options, image in zip(steps, found["images"], strict=True):
        assert np.allclose(np.reshape(image, (28, 28)), prepare(drawing, **options), atol=1e-6), options


def test_pad_all_of_ink_is_read_too(pad):
    pad.drawing = np.ones((280, 280))
    (page,) = run("image.js", DRAW, {"strokes": [[(140, 140)]], "width": 500, "steps": [FULL]})["images"]
    assert np.allclose(pad.input, np.reshape(page, (28, 28)), atol=1e-6)


def test_page_erases():
    erased = """(() => {
        const ink = module.emptyPad().fill(255);
        module.drawLine(ink, [20, 30], [200, 250], 30, true);
        return ink;
    })()"""
    expected = 255 - np.rint(255 * draw_strokes([[(20, 30), (200, 250)]], 30))
    assert np.array_equal(run("image.js", erased), expected.ravel())


def test_digit_on_the_pad_is_prepared_to_itself(digits):
    found = run(
        "image.js",
        """data.map((digit) => [true, false].map((on) =>
          module.prepare(module.padFromDigit(digit), { crop: on, fit: on, center: on }).input))""",
        [(255 * digit).round() for digit in digits.reshape(-1, 784)],
    )
    assert np.allclose(np.reshape(found, (-1, 2, 28, 28)), digits[:, None], atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"right": 3, "down": -5},
        {"right": -2.5},
        {"rotation": 35},
        {"rotation": -180},
        {"size": 0.45},
        {"size": 1.6},
        {"thickness": 1.25},
        {"thickness": -0.75},
        {"thickness": 0.5, "size": 0.8, "rotation": 20, "right": 2, "down": -1, "noise": 0.3, "seed": 9},
    ],
)
def test_pad_computes_its_input_from_its_state_as_the_page_does(pad, settings):
    steps = {"crop": True, "fit": False, "center": True}
    ink = np.rint(255 * draw_strokes(ZERO, 30)).astype("uint8")
    pad.set_state({"drawing": memoryview(ink), **steps, **settings})  # as a page sends it
    found = run(
        "image.js",
        "module.transform(module.prepare(data.ink, data.steps).input, data.settings)",
        {"ink": ink.tobytes(), "steps": steps, "settings": STILL | settings},
    )
    np.testing.assert_allclose(pad.input, np.reshape(found, (28, 28)), atol=5e-6)


def test_pad_changes_and_reads_its_drawing(pad, small):
    pad.drawing, pad.thickness, pad.size = draw_strokes(ZERO, 24), 0.5, 0.8
    pad.rotation, pad.right, pad.down = 20, 2, -1
    changed = rotate(resize(thicken(prepare(pad.drawing)[None], 0.5), 0.8), 20)
    assert np.allclose(pad.input, shift(changed, 2, -1)[0])
    assert pad.input.dtype == np.float32
    for name, model in small.items():
        expected = np.asarray(model(pad.input.reshape(1, 784)))[0]
        assert np.allclose(pad.probabilities[name], expected, atol=1e-6)
        assert pad.digits[name] == expected.argmax()


def test_noise_is_as_add_noise_makes_it_and_its_seed_matters(pad):
    pad.drawing, pad.noise = np.zeros((280, 280)), 0.1
    noise = np.array([pad.input for pad.seed in range(20)])
    assert len(np.unique(noise[:, 0, 0])) > 5  # and about half are 0
    expected = add_noise(np.zeros((20, 28, 28)), 0.1, 0)
    assert noise.mean() == pytest.approx(expected.mean(), abs=0.002)
    assert noise.std() == pytest.approx(expected.std(), abs=0.002)


def test_sliders_of_the_page_have_the_limits_of_the_traits(pad):
    for name, _, low, high, step in run("digit_pad.js", "module.SLIDERS.map((slider) => slider.slice(0, 5))"):
        assert (high - low) / step == pytest.approx(round((high - low) / step))
        for value in (low, high):
            setattr(pad, name, value)
        for value in (low - step, high + step):
            with pytest.raises(TraitError, match=f"{name} must be"):
                setattr(pad, name, value)
    assert {name: type(pad).class_traits()[name].default_value for name in STILL} == STILL
    assert run("image.js", "module.SETTINGS") == STILL


def test_pad_without_ink_reads_nothing(pad):
    assert repr(pad).startswith("DigitPad: one reads ")
    pad.drawing = np.zeros((280, 280))
    assert repr(pad) == "DigitPad: nothing drawn yet"


# The pad's state


def test_pad_starts_with_the_example(pad):
    assert np.array_equal(pad.drawing, draw_strokes(EXAMPLE, EXAMPLE_WIDTH))
    assert np.array_equal(pad.input, prepare(pad.drawing))
    assert pad.get_state()["drawing"] == pad.get_state()["example"]
    with pytest.raises(ValueError, match="read-only"):
        pad.drawing[0, 0] = 1  # would not reach the page


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("size", float("nan"), "size must be a finite number from 0.4 to 1.6, got nan"),
        ("seed", 1.5, "seed must be a whole number from 0 to 99, got 1.5"),
        ("crop", 3, "'crop' trait .* expected a boolean"),
        ("drawing", np.zeros((28, 28)), r"must be \(280, 280\), as draw_strokes .*, got \(28, 28\)"),
        ("drawing", np.full((280, 280), 255.0), "drawing must be from 0 to 1"),
    ],
)
def test_bad_state_is_refused_and_sent_back(pad, monkeypatch, name, value, message):
    before = pad.get_state()
    with pytest.raises(TraitError, match=message):
        setattr(pad, name, value)
    assert pad.get_state() == before
    if name != "drawing":  # of the page, only bytes can come, and all are valid
        sent = []
        monkeypatch.setattr(pad, "send_state", sent.append)
        pad.set_state({name: value})
        assert sent == [[name]]
        assert pad.get_state() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": {}}, "networks must be a dict of names and models"),
        ({"networks": []}, "networks must be a dict of names and models"),
        ({"networks": {"MLP": 3}}, "a network must be a built keras.Sequential or keras.Model, got 3"),
        ({"images": np.full((1, 28, 28), 255, "uint8")}, "divide by 255"),
        ({"labels": [3]}, "labels must have length 0"),
    ],
)
def test_bad_arguments(small, arguments, message):
    with pytest.raises(ValueError, match=message):
        DigitPad(**{"networks": small} | arguments)


def test_digits_are_sent_as_bytes(small, digits):
    pad = DigitPad(small, digits.reshape(-1, 784), np.arange(20) % 10)
    assert np.array_equal(np.frombuffer(pad.images, "uint8"), np.rint(255 * digits).ravel())
    assert pad.labels == [*range(10), *range(10)]
