"""The digit pad without a browser: its state, and that JavaScript and Python compute the same from it."""

import re
from itertools import product

import numpy as np
import pytest
from javascript import run
from leaks import assert_leaves_nothing
from traitlets import TraitError

from mnist_helpers import add_noise, draw_strokes, load_mnist, prepare, resize, rotate, shift, thicken
from mnist_helpers.startup import quiet_start
from mnist_helpers.widgets import DigitPad
from mnist_helpers.widgets.digit_pad import EXAMPLE, EXAMPLE_WIDTH

with quiet_start():
    import keras

STILL = {"thickness": 0, "size": 1, "rotation": 0, "right": 0, "down": 0, "noise": 0, "seed": 0}
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


def network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input(shape=(784,)), keras.layers.Dense(10, activation="softmax")])


@pytest.fixture(scope="module")
def small() -> dict[str, keras.Model]:
    return {"one": network(6), "another": network(7)}


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


def test_digit_on_the_pad_is_prepared_to_itself(digits):
    found = run(
        "image.js",
        """data.map((digit) =>
          module.prepare(module.padFromDigit(digit), { crop: true, fit: true, center: true }).input)""",
        [(255 * digit).round() for digit in digits.reshape(-1, 784)],
    )
    assert np.allclose(np.reshape(found, (-1, 28, 28)), digits, atol=1e-6)


def test_page_transforms_as_python_does(digits):
    changes = [
        ({"right": 3, "down": -5}, lambda x: shift(x, 3, -5)),
        ({"right": -2.5}, lambda x: shift(x, -2.5, 0)),
        ({"rotation": 35}, lambda x: rotate(x, 35)),
        ({"rotation": -90}, lambda x: rotate(x, -90)),
        ({"size": 0.45}, lambda x: resize(x, 0.45)),
        ({"size": 1.6}, lambda x: resize(x, 1.6)),
        ({"thickness": 1.25}, lambda x: thicken(x, 1.25)),
        ({"thickness": -0.75}, lambda x: thicken(x, -0.75)),
        (
            {"thickness": 0.5, "size": 0.8, "rotation": 20, "right": 2, "down": 1},
            lambda x: shift(rotate(resize(thicken(x, 0.5), 0.8), 20), 2, 1),
        ),
        ({}, lambda x: x),
    ]
    found = run(
        "image.js",
        """data.settings.map((settings) =>
          data.images.map((image) => module.transform(Float32Array.from(image), settings)))""",
        {"images": digits.reshape(-1, 784), "settings": [STILL | settings for settings, _ in changes]},
    )
    for (settings, change), images in zip(changes, found, strict=True):
        images = np.reshape(images, (-1, 28, 28))
        np.testing.assert_allclose(images, change(digits), atol=2e-6, err_msg=str(settings))


def test_pad_computes_its_input_from_its_state_as_the_page_does(small):
    pad = DigitPad(small)
    settings = {
        "thickness": 0.5,
        "size": 0.8,
        "rotation": 20,
        "right": 2,
        "down": -1,
        "noise": 0.3,
        "seed": 9,
    }
    steps = {"crop": True, "fit": False, "center": True}
    pad.set_state(
        {"drawing": memoryview(np.rint(255 * draw_strokes(ZERO, 30)).astype("uint8")), **steps, **settings}
    )
    found = run(
        "image.js",
        "module.transform(module.prepare(data.ink, data.steps).input, data.settings)",
        {"ink": np.rint(255 * pad.drawing).astype("uint8").tobytes(), "steps": steps, "settings": settings},
    )
    assert pad.input.dtype == np.float32
    np.testing.assert_allclose(pad.input, np.reshape(found, (28, 28)), atol=5e-6)
    for name, model in small.items():
        assert np.allclose(pad.probabilities[name], model(pad.input.reshape(1, 784))[0], atol=1e-6)


def test_noise_is_gaussian_and_its_seed_matters(small):
    pad = DigitPad(small)
    pad.drawing, pad.noise = np.zeros((280, 280)), 0.1
    noise = []
    for pad.seed in range(50):
        noise.append(pad.input)
    noise = np.array(noise)
    assert len(np.unique(noise[:, 0, 0])) > 15  # and about half are 0
    # The same statistics as add_noise gives: half is below 0 and clipped.
    expected = add_noise(np.zeros((50, 28, 28)), 0.1, 0)
    assert noise.mean() == pytest.approx(expected.mean(), abs=0.002)
    assert noise.std() == pytest.approx(expected.std(), abs=0.002)
    assert (noise == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_sliders_of_the_page_have_the_limits_of_the_traits(small):
    pad = DigitPad(small)
    for name, _, low, high, step in run("digit_pad.js", "module.SLIDERS.map((slider) => slider.slice(0, 5))"):
        assert (high - low) / step == pytest.approx(round((high - low) / step))
        for value in (low, high):
            setattr(pad, name, value)
        for value in (low - step, high + step):
            with pytest.raises(TraitError, match=f"{name} must be"):
                setattr(pad, name, value)
        assert getattr(pad, name) == high
    assert {name: type(pad).class_traits()[name].default_value for name in STILL} == STILL
    assert run("image.js", "module.SETTINGS") == STILL


# The pad's state


def test_pad_starts_with_the_example(small):
    pad = DigitPad(small)
    assert np.array_equal(pad.drawing, draw_strokes(EXAMPLE, EXAMPLE_WIDTH))
    assert np.array_equal(pad.input, prepare(pad.drawing))
    assert pad.get_state()["drawing"] == pad.get_state()["example"]


def test_python_changes_the_drawing_and_what_is_read(small):
    pad = DigitPad(small)
    before, sent = pad.probabilities, []
    pad.observe(sent.append, ["drawing", "rotation"])
    pad.drawing, pad.rotation = draw_strokes(ZERO, 24), 30
    assert [change["name"] for change in sent] == ["drawing", "rotation"]
    assert np.allclose(pad.input, rotate(prepare(draw_strokes(ZERO, 24))[None], 30)[0])
    assert pad.probabilities != before
    assert pad.digits == {name: int(np.argmax(values)) for name, values in pad.probabilities.items()}
    percent = re.escape(f"{max(pad.probabilities['one']):.1%}".replace("%", " %"))
    assert re.match(rf"DigitPad: one reads {pad.digits['one']} \({percent}\), another reads", repr(pad))
    with pytest.raises(ValueError, match="read-only"):
        pad.drawing[0, 0] = 1  # would not reach the page


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rotation", 91, "rotation must be a finite number from -90 to 90, got 91"),
        ("size", float("nan"), "size must be a finite number from 0.4 to 1.6, got nan"),
        ("noise", "much", "noise must be a finite number from 0 to 1, got 'much'"),
        ("seed", 1.5, "seed must be a whole number from 0 to 99, got 1.5"),
        ("width", 5, "width must be a finite number from 6 to 50, got 5"),
        ("crop", 3, "'crop' trait .* expected a boolean"),
        (
            "drawing",
            np.zeros((28, 28)),
            r"drawing must be \(280, 280\), as draw_strokes returns it, got \(28, 28\)",
        ),
        ("drawing", np.full((280, 280), 255.0), "drawing must be from 0 to 1"),
    ],
)
def test_bad_state_is_refused_and_sent_back(small, monkeypatch, name, value, message):
    pad = DigitPad(small)
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
        ({"images": np.zeros((28, 28))}, r"got \(28, 28\); for one image pass image\[None\]"),
        ({"images": np.full((1, 28, 28), 255, "uint8")}, "divide by 255"),
        ({"labels": [3]}, "labels must have length 0"),
        ({"images": np.zeros((1, 28, 28)), "labels": [10]}, "labels must be from 0 to 9"),
    ],
)
def test_bad_arguments(small, arguments, message):
    with pytest.raises(ValueError, match=message):
        DigitPad(**{"networks": small} | arguments)


def test_digits_are_sent_as_bytes(small, digits):
    pad = DigitPad(small, digits.reshape(-1, 784), np.arange(20) % 10)
    assert np.array_equal(np.frombuffer(pad.images, "uint8"), np.rint(255 * digits).ravel())
    assert pad.labels == [*range(10), *range(10)]


def test_many_changes_leave_nothing_behind(small):
    pad = DigitPad(small)

    def change():
        for i in range(50):
            pad.set_state({"drawing": memoryview(bytes([i]) * 280**2), "rotation": i})
            repr(pad)
        pad._repr_mimebundle_()

    assert_leaves_nothing(change)


def test_figure_shows_the_steps_and_the_answers(small):
    pad = DigitPad(small)
    *steps, smaller, prepared = pad.static_figure().axes
    pictures = [ax.images[0].get_array() for ax in steps]
    assert [picture.shape for picture in pictures] == [(280, 280), (28, 28), (116, 88), (20, 16), (28, 28)]
    assert np.array_equal(pictures[0], pad.drawing)
    assert np.array_equal(pictures[-1].astype("float32"), prepare(pad.drawing))
    heights = [[bar.get_height() for bar in bars] for bars in prepared.containers]
    assert np.allclose(heights, list(pad.probabilities.values()))
    assert [text.get_text() for text in smaller.get_legend().get_texts()] == ["one", "another"]
    assert not np.allclose(heights, [[bar.get_height() for bar in bars] for bars in smaller.containers])
