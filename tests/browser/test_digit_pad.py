"""The digit pad, used as a person would: in JupyterLab, and on a plain page without a kernel."""

import json
import statistics
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise, product

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import HOST, watch
from browser.state import state
from mnist_helpers import load_mnist, load_run
from mnist_helpers.preparation import draw_strokes, prepare
from mnist_helpers.transforms import resize, rotate, shift, thicken
from mnist_helpers.widgets.digit_pad import EXAMPLE, EXAMPLE_WIDTH, DigitPad, network_description

SOURCE = """\
from mnist_helpers.widgets.digit_pad import DigitPad

names = {"MLP": "mlp", "CNN": "cnn", "Deep CNN": "deep_cnn"}
networks = {name: load_run(run)[0] for name, run in names.items()}
_, (images, labels) = load_mnist()
pad = DigitPad(networks, images[:1000], labels[:1000])
pad
"""
PLAIN_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>Digit pad</title>
<main></main>
<script type="module">
  import * as pad from "./digit_pad.js";
  const bytes = async (file) => (await fetch(file)).arrayBuffer();
  const data = await (await fetch("data.json")).json();
  for (const [name, network] of Object.entries(data.networks)) network.weights = await bytes(`${name}.bin`);
  data.images = await bytes("images.bin");
  data.onChange = (state) => (window.said = state);
  Object.assign(window, { pad, data, takeAway: pad.mount(document.querySelector("main"), data) });
</script>
"""
COUNT_FRAMES = """
window.frames_ = [];
const original = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (work) => original((time) => {
    const start = performance.now();
    work(time);
    frames_.push(performance.now() - start);
});
"""
ONE = [[(150, 40), (140, 150), (132, 240)]]
SEVEN = [[(60, 60), (210, 60), (150, 150), (110, 240)]]
STEPS = {"crop": "crop", "fit": "fit into 20×20", "center": "center by mass"}  # and their labels
ZERO = [[(140, 40), (75, 90), (70, 190), (140, 240), (205, 190), (205, 90), (140, 40)]]


@pytest.fixture(scope="module")
def networks() -> dict:
    return {name: load_run(run)[0] for name, run in (("MLP", "mlp"), ("CNN", "cnn"), ("Deep", "deep_cnn"))}


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return tuple(part[:1000] for part in load_mnist()[1])


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory, networks, digits) -> Iterator[str]:
    """A plain file server: the module, a page, network descriptions and weights, digits."""
    folder = tmp_path_factory.mktemp("site")
    data = {"networks": {}, "strokes": EXAMPLE, "width": EXAMPLE_WIDTH, "labels": digits[1].tolist()}
    for name, model in networks.items():
        description, weights = network_description(model)
        data["networks"][name] = {"description": description}
        (folder / f"{name}.bin").write_bytes(weights)
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "images.bin").write_bytes(digits[0].tobytes())
    (folder / "index.html").write_text(PLAIN_PAGE)
    (folder / "digit_pad.js").write_text(str(DigitPad._esm), encoding="utf-8")
    server = ThreadingHTTPServer((HOST, 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HOST}:{server.server_port}/"
    server.shutdown()


@pytest.fixture
def plain(browser, site) -> Iterator[Page]:
    page = browser.new_page()
    watch(page)
    page.add_init_script(COUNT_FRAMES)
    page.goto(site)
    page.wait_for_function("() => window.said")
    yield page
    page.close()
    assert page.console_errors == []
    assert page.foreign_requests == []


def draw(page: Page, strokes: list, steps: int = 8) -> None:
    sheet = page.locator(".digit-pad .sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()

    def place(point):
        return [box[side] + value / 280 * box["width"] for side, value in zip("xy", point, strict=True)]

    for stroke in strokes:
        page.mouse.move(*place(stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*place(point), steps=steps)
        page.mouse.up()


def expect_reading(page: Page, *digits: int) -> None:
    """Both the table's headers and the text below the pad give each network's digit."""
    heads = page.locator(".digit-pad thead th")
    for i, digit in enumerate(digits):
        expect(heads.nth(i + 1)).to_contain_text(f"reads {digit}")
    words = page.locator(".digit-pad .says")
    for digit in digits:
        expect(words).to_contain_text(f"reads {digit} (")


def table(page: Page) -> np.ndarray:
    """The numbers next to the bars, as fractions: (10, networks)."""
    texts = [row.locator("td").all_text_contents() for row in page.locator(".digit-pad tbody tr").all()]
    return np.array([[float(text.strip("<> %")) / 100 for text in row] for row in texts])


def bars(page: Page) -> np.ndarray:
    """The fraction of its frame that each bar fills: (10, networks)."""
    widths = page.locator(".digit-pad .bar").evaluate_all(
        "bars => bars.map(bar => bar.firstChild.getBoundingClientRect().width / (bar.clientWidth))"
    )
    return np.reshape(widths, (10, -1))


def said(page: Page) -> tuple[np.ndarray, dict]:
    """What the pad reported to the page: the input and the probabilities."""
    page.wait_for_timeout(350)
    state = page.evaluate("() => said")
    answers = {name: np.array(values) for name, values in state["probabilities"].items()}
    return np.reshape(state["input"], (28, 28)), answers


def answers_of(networks: dict, image: np.ndarray) -> dict:
    return {
        name: np.asarray(model(image.astype("float32").reshape(1, *model.input_shape[1:])))[0]
        for name, model in networks.items()
    }


# What the module computes, without a view


def test_page_and_keras_agree_on_a_thousand_test_digits(plain, networks, digits):
    found = plain.evaluate(
        """async () => {
            const bytes = new Uint8Array(data.images);
            const networks = Object.entries(data.networks).map(
                ([name, { description, weights }]) => [name, pad.createNetwork(description, weights)]);
            const answers = Object.fromEntries(networks.map(([name]) => [name, []]));
            for (let i = 0; i < bytes.length; i += 784) {
                const image = Float32Array.from(bytes.subarray(i, i + 784), (byte) => byte / 255);
                for (const [name, network] of networks) answers[name].push(pad.predict(network, image));
                if (i % 78400 === 0) await new Promise((done) => setTimeout(done));
            }
            return answers;
        }"""
    )
    images = digits[0].astype("float32") / 255
    for name, model in networks.items():
        expected = model.predict(images.reshape(-1, *model.input_shape[1:]), batch_size=250, verbose=0)
        assert np.shape(found[name]) == (1000, 10)
        assert np.array_equal(np.argmax(found[name], axis=1), expected.argmax(axis=1))
        assert np.abs(found[name] - expected).max() < 1e-4


def test_page_and_python_prepare_identically(plain, digits):
    steps = [dict(zip(STEPS, switches, strict=True)) for switches in product([True, False], repeat=3)]
    for strokes, width in ((EXAMPLE, EXAMPLE_WIDTH), (ZERO, 24), ([[(270, 270)]], 24), ([], 24)):
        expected = draw_strokes(strokes, width)
        ink, images = plain.evaluate(
            """([strokes, width, steps]) => {
                const ink = pad.drawStrokes(strokes, width);
                return [ink, steps.map((options) => pad.prepare(ink, options).input)];
            }""",
            [strokes, width, steps],
        )
        assert np.array_equal(np.reshape(ink, (280, 280)), np.rint(255 * expected))
        for options, image in zip(steps, images, strict=True):
            assert np.allclose(np.reshape(image, (28, 28)), prepare(expected, **options), atol=1e-6), options
    images = plain.evaluate(
        "digits => digits.map((digit) => pad.prepare(pad.padFromDigit(digit)).input)",
        digits[0][:20].reshape(-1, 784).tolist(),
    )
    assert np.allclose(np.reshape(images, (-1, 28, 28)), digits[0][:20] / 255, atol=1e-6)


def test_page_and_python_transform_identically(plain, digits):
    images = digits[0][:10].astype("float32") / 255
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
    for settings, change in changes:
        found = plain.evaluate(
            "([images, settings]) => images.map(i => pad.transform(Float32Array.from(i), settings))",
            [images.reshape(-1, 784).tolist(), settings],
        )
        np.testing.assert_allclose(np.reshape(found, (-1, 28, 28)), change(images), atol=2e-6)


def test_noise_is_gaussian_and_repeatable(plain):
    def noisy(noise, seed):
        return np.array(
            plain.evaluate(
                "settings => pad.transform(new Float32Array(784).fill(0.5), settings)",
                {"noise": noise, "seed": seed},
            )
        )

    assert np.array_equal(noisy(0.1, 4), noisy(0.1, 4))
    assert not np.array_equal(noisy(0.1, 4), noisy(0.1, 5))
    noise = np.concatenate([noisy(0.1, seed) for seed in range(20)]) - 0.5
    assert abs(noise.mean()) < 0.003
    assert abs(noise.std() - 0.1) < 0.003
    assert abs(np.mean(np.abs(noise) < 0.1) - 0.683) < 0.02
    clipped = noisy(1, 0)
    assert clipped.min() == 0
    assert clipped.max() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("network.weights = network.weights.slice(4)", "needs 335114 weights, but its buffer holds 335113"),
        ("network.weights = new ArrayBuffer(0)", "needs 335114 weights, but its buffer holds 0"),
        ("network.description.layers[1].kind = 'lstm'", "not support lstm; it supports conv,pool,dense"),
        ("network.description.layers[1].activation = 'tanh'", "not support tanh; it supports relu,softmax"),
    ],
)
def test_bad_network_is_reported_and_leaves_the_page_unchanged(plain, change, message):
    error = plain.evaluate(
        f"""() => {{
            const network = data.networks.MLP;
            {change};
            try {{ pad.mount(document.querySelector("main"), data); }}
            catch (error) {{ return error.message; }}
        }}"""
    )
    assert message in error
    expect(plain.locator(".digit-pad")).to_have_count(1)


# On a plain page


def test_plain_page_starts_with_the_example(plain, networks):
    expect_reading(plain, 2, 2, 2)
    image, answers = said(plain)
    assert np.allclose(image, prepare(draw_strokes(EXAMPLE, EXAMPLE_WIDTH)), atol=1e-6)
    for name, expected in answers_of(networks, image).items():
        assert np.abs(answers[name] - expected).max() < 1e-4
    expect(plain.get_by_text("An example. Your first stroke replaces it.")).to_be_visible()


def test_numbers_and_bars_are_the_probabilities(plain):
    for label in STEPS.values():
        plain.get_by_role("checkbox", name=label).uncheck()
    _, answers = said(plain)
    expected = np.stack(list(answers.values()), axis=1)
    assert (expected.max(axis=0) < 0.999).all()  # the networks are undecided, so there is something to see
    assert np.abs(table(plain) - expected).max() <= 0.00101
    assert np.abs(bars(plain) - expected).max() < 0.02
    top = plain.locator(".digit-pad tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.classList.contains('top')))"
    )
    assert np.array_equal(np.argmax(top, axis=0), expected.argmax(axis=0))
    assert np.sum(top) == 3


def test_each_step_can_be_switched_off(plain):
    drawing = draw_strokes(EXAMPLE, EXAMPLE_WIDTH)
    for step, label in STEPS.items():
        plain.get_by_role("checkbox", name=label).uncheck()
        assert np.allclose(said(plain)[0], prepare(drawing, **{step: False}), atol=1e-6)
        plain.get_by_role("checkbox", name=label).check()
    for label in STEPS.values():
        plain.get_by_role("checkbox", name=label).uncheck()
    image, answers = said(plain)
    assert np.allclose(image, prepare(drawing, crop=False, fit=False, center=False), atol=1e-6)
    assert all(values.argmax() != 2 for values in answers.values())  # why drawn digits fail without them
    for label in STEPS.values():
        plain.get_by_role("checkbox", name=label).check()
    expect_reading(plain, 2, 2, 2)


def test_steps_are_shown(plain):
    def ink(name):
        """The ink in a step's canvas, from the red of each pixel."""
        return np.array(
            plain.get_by_role("img", name=name).evaluate(
                """canvas => {
                    const { width, height } = canvas;
                    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                    return Array.from({ length: height }, (_, y) =>
                        Array.from({ length: width }, (_, x) => 1 - data[4 * (y * width + x)] / 255));
                }"""
            )
        )

    image, _ = said(plain)
    assert np.abs(ink("The input of the networks") - image).max() < 0.003
    assert np.abs(ink("The drawing in 28×28") - image).max() < 0.003
    assert ink("The drawing as pixels").shape == (20, 20)
    assert ink("The drawing, cropped").shape == (116, 116)
    expect(plain.get_by_text("the ink's 88×116 cells")).to_be_visible()
    expect(plain.get_by_text("fitted: 16×20 pixels")).to_be_visible()
    plain.get_by_label("rotation").press("ArrowRight")
    changed, _ = said(plain)
    assert np.abs(ink("The input of the networks") - changed).max() < 0.003
    assert np.abs(ink("The drawing in 28×28") - image).max() < 0.003


def test_sliders_change_the_input_and_reset(plain):
    before, _ = said(plain)
    right = plain.get_by_label("shift right")
    for _ in range(3):
        right.press("ArrowRight")
    expect(right).to_have_attribute("aria-valuetext", "+3 px")
    plain.get_by_label("rotation").press("ArrowLeft")
    plain.get_by_label("size").press("ArrowLeft")
    changed, answers = said(plain)
    expected = shift(rotate(resize(before[None], 0.95), -5), 3, 0)[0]
    assert np.allclose(changed, expected, atol=1e-5)
    plain.get_by_label("noise", exact=True).press("End")
    assert plain.get_by_label("noise", exact=True).input_value() == "1"
    noisy, _ = said(plain)
    plain.get_by_label("noise seed").press("ArrowRight")
    assert not np.array_equal(said(plain)[0], noisy)
    plain.get_by_role("button", name="Reset the sliders").click()
    assert np.array_equal(said(plain)[0], before)
    expect(right).to_have_attribute("aria-valuetext", "0 px")
    assert all(values.sum() == pytest.approx(1, abs=1e-5) for values in answers.values())


def test_pen_width_eraser_undo_and_clear(plain):
    def ink():
        return plain.locator(".sheet").evaluate(
            """canvas => {
                const { data } = canvas.getContext("2d").getImageData(0, 0, 280, 280);
                let ink = 0;
                for (let i = 0; i < data.length; i += 4) ink += 255 - data[i];
                return ink / 255;
            }"""
        )

    amounts = [ink()]

    def changed() -> float:
        plain.wait_for_timeout(120)
        amounts.append(ink())
        return amounts[-1]

    draw(plain, [[(40, 60), (240, 60)]])
    assert changed() == pytest.approx(200 * 24 + np.pi * 12**2, rel=0.03)  # the example is gone
    plain.get_by_label("width of the pen").fill("12")
    draw(plain, [[(40, 160), (240, 160)]])
    assert changed() - amounts[-2] == pytest.approx(200 * 12 + np.pi * 6**2, rel=0.03)
    plain.get_by_label("width of the pen").fill("50")
    plain.get_by_label("eraser").check()
    draw(plain, [[(140, 20), (140, 260)]])
    assert changed() == pytest.approx(amounts[-2] - 50 * (24 + 12), rel=0.03)
    plain.get_by_role("button", name="Clear").click()
    assert changed() == 0
    for expected in amounts[-2::-1]:  # back to the example, step by step
        plain.get_by_role("button", name="Undo").click()
        plain.wait_for_timeout(120)
        assert ink() == expected
    plain.get_by_role("button", name="Undo").click()
    plain.wait_for_timeout(120)
    assert ink() == amounts[0]
    expect_reading(plain, 2, 2, 2)


def test_undo_remembers_twenty_steps(plain):
    def draw_dots(numbers):
        for i in numbers:
            draw(plain, [[(20 + 10 * i, 100), (20 + 10 * i, 110)]], steps=1)

    draw_dots(range(5))
    image, _ = said(plain)
    draw_dots(range(5, 25))
    for _ in range(30):
        plain.get_by_role("button", name="Undo").click()
    assert np.array_equal(said(plain)[0], image)


def test_finger_draws_and_does_not_scroll_the_page(plain):
    plain.set_viewport_size({"width": 360, "height": 640})
    expect(plain.locator(".sheet")).to_have_css("touch-action", "none")
    box = plain.locator(".sheet").bounding_box()
    session = plain.context.new_cdp_session(plain)
    second = {"x": box["x"] + 20, "y": box["y"] + 250, "id": 2}

    def touch(kind, *points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def finger(point):
        scale = box["width"] / 280
        return {"x": box["x"] + point[0] * scale, "y": box["y"] + point[1] * scale, "id": 1}

    touch("touchStart", finger(SEVEN[0][0]))
    touch("touchStart", finger(SEVEN[0][0]), second)  # the palm
    for start, end in pairwise(SEVEN[0]):
        for share in np.linspace(0, 1, 10):
            point = np.add(start, share * np.subtract(end, start)).tolist()
            touch("touchMove", finger(point), second)
    touch("touchEnd")
    expect_reading(plain, 7, 7, 7)
    image, _ = said(plain)
    assert np.abs(image - prepare(draw_strokes(SEVEN, 24))).max() < 0.2
    assert plain.evaluate("() => scrollY") == 0


def test_digit_is_picked_drawn_over_and_restored(plain, digits):
    images, labels = digits
    number = plain.get_by_label("number")
    number.fill("4")
    number.press("Enter")
    expect(plain.get_by_text(f"Its label is {labels[4]}.")).to_be_visible()
    assert np.allclose(said(plain)[0], images[4] / 255, atol=1e-6)
    draw(plain, [[(20, 20), (260, 20)]])
    assert not np.allclose(said(plain)[0], images[4] / 255, atol=0.1)
    plain.get_by_role("button", name="Put on the pad").click()
    assert np.allclose(said(plain)[0], images[4] / 255, atol=1e-6)
    for wrong in ("1000", "-1", "", "1.5"):
        number.fill(wrong)
        plain.get_by_role("button", name="Put on the pad").click()
        expect(plain.get_by_text("Enter a number from 0 to 999.")).to_be_visible()
        assert np.allclose(said(plain)[0], images[4] / 255, atol=1e-6)


def test_strokes_are_answered_frame_by_frame(plain):
    draw(plain, ONE)
    plain.evaluate("() => { frames_.length = 0; }")
    plain.get_by_role("button", name="Clear").click()
    draw(plain, [*ZERO, *SEVEN], steps=25)
    frames = plain.evaluate("() => frames_")
    print(f"{len(frames)} frames, median {statistics.median(frames):.1f} ms, longest {max(frames):.1f} ms")
    assert len(frames) > 20


def test_many_moves_between_two_frames_are_answered_once(plain):
    frames = plain.evaluate(
        """async () => {
            const sheet = document.querySelector(".sheet");
            sheet.setPointerCapture = () => {}; // there is no such pointer
            const { left, top } = sheet.getBoundingClientRect();
            const send = (kind, x) => sheet.dispatchEvent(
                new PointerEvent(kind, { pointerId: 9, clientX: left + x, clientY: top + 140 }));
            frames_.length = 0;
            send("pointerdown", 40);
            for (let x = 40; x < 240; x++) send("pointermove", x);
            send("pointerup", 240);
            await new Promise((done) => setTimeout(done, 100));
            return frames_.length;
        }"""
    )
    assert frames == 1
    expected = prepare(draw_strokes([[(40, 140), (240, 140)]], 24))
    assert said(plain)[0].sum() == pytest.approx(expected.sum(), rel=0.05)  # and no move is lost


def test_keys_of_the_pad_do_not_scroll_the_page(plain):
    plain.set_viewport_size({"width": 360, "height": 320})
    plain.locator(".sheet").focus()
    before = plain.evaluate("() => scrollY")
    for key in ("ArrowDown", "ArrowDown", " ", " ", "Shift+ArrowDown"):
        plain.keyboard.press(key)
    plain.wait_for_timeout(200)
    assert plain.evaluate("() => scrollY") == before


def test_many_changes_leave_nothing_behind(plain):
    session = plain.context.new_cdp_session(plain)
    rotation = plain.get_by_label("rotation")

    def change(times):
        for i in range(times):
            rotation.press("ArrowLeft" if i % 2 else "ArrowRight")
        plain.wait_for_timeout(400)
        session.send("HeapProfiler.collectGarbage")
        counters = session.send("Memory.getDOMCounters")
        used = plain.evaluate("() => performance.memory.usedJSHeapSize")
        return counters["nodes"], counters["jsEventListeners"], used

    change(20)
    nodes, listeners, used = change(20)
    nodes_after, listeners_after, used_after = change(200)
    assert nodes_after <= nodes + 5
    assert listeners_after == listeners
    assert used_after - used < 2_000_000


def test_pad_can_be_removed(plain):
    plain.get_by_label("rotation").press("ArrowRight")
    plain.evaluate("() => { said = null; takeAway(); }")
    expect(plain.locator("main")).to_be_empty()
    plain.wait_for_timeout(400)
    assert plain.evaluate("() => said") is None


@pytest.mark.parametrize("width", [360, 1024])
def test_it_fits(plain, width):
    plain.set_viewport_size({"width": width, "height": 640})
    assert plain.evaluate("() => document.documentElement.scrollWidth") == width


# In JupyterLab


def test_one_seven_and_zero_are_drawn_and_read(open_cell, networks):
    page = open_cell(SOURCE)
    expect_reading(page, 2, 2, 2)
    for strokes, digit in ((ONE, 1), (SEVEN, 7), (ZERO, 0)):
        page.get_by_role("button", name="Clear").click()
        draw(page, strokes)
        expect_reading(page, digit, digit, digit)
        page.wait_for_timeout(400)
        assert state(page, "list(pad.digits.values())") == [digit] * 3
        image = np.array(state(page, "pad.input.tolist()"))
        assert np.abs(image - prepare(draw_strokes(strokes, 24))).max() < 0.2
        answers = state(page, "pad.probabilities")
        for values, expected in zip(answers.values(), answers_of(networks, image).values(), strict=True):
            assert np.abs(values - expected).max() < 1e-4
    assert state(page, "repr(pad)").startswith("DigitPad: MLP reads 0 (")

    # Run again: a new pad, and only that one.
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.get_by_text("An example. Your first stroke replaces it.")).to_be_visible(timeout=30_000)
    expect(page.locator(".digit-pad")).to_have_count(1)
    draw(page, SEVEN)
    expect_reading(page, 7, 7, 7)
    page.wait_for_timeout(400)
    assert state(page, "list(pad.digits.values())") == [7] * 3


def test_keys_draw_a_one_and_text_is_legible_in_both_themes(open_cell):
    page = open_cell(SOURCE)
    cells = page.locator(".jp-Cell").count()
    sheet = page.locator(".sheet")
    sheet.focus()
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    status = page.locator(".digit-pad .hint")
    height = page.locator(".digit-pad").bounding_box()["height"]
    expect(status).to_have_text("Pen up, 14 of 28 across, 5 of 28 down.")
    page.keyboard.press("Space")
    expect(status).to_contain_text("Pen down")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(status).to_have_text("Pen up, 14 of 28 across, 23 of 28 down.")
    expect_reading(page, 1, 1, 1)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+z")
    expect_reading(page, 2, 2, 2)
    for key in "abdx":  # in JupyterLab: new and deleted cells
        page.keyboard.press(key)
    expect(sheet).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("pen", exact=True)).to_be_focused()
    page.get_by_label("rotation").focus()
    for key in ("a", "ArrowUp", "ArrowUp"):  # ArrowUp: the cell above
        page.keyboard.press(key)
    expect(page.get_by_label("rotation")).to_have_attribute("aria-valuetext", "+10°")
    assert page.locator(".jp-Cell").count() == cells
    assert page.locator(".digit-pad").bounding_box()["height"] == height  # nothing jumps

    theme = "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
    try:
        for name in ("JupyterLab Light", "JupyterLab Dark"):
            page.evaluate(theme, name)
            page.wait_for_timeout(1000)
            for selector in WORDS:
                found = page.locator(f".digit-pad {selector}").first.evaluate(COLORS)
                assert contrast(*found) >= 4.5, (name, selector, found)
    finally:
        page.evaluate(theme, "JupyterLab Light")


WORDS = ("legend", "caption", "td", "th", "label", "button", "p", "figcaption", "input[type=number]")
# The color of an element's text, and of the nearest background that is not transparent.
COLORS = """element => {
    let behind = element;
    while (/rgba.*, 0\\)/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
}"""


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors, as defined in WCAG 2.2."""
    lights = []
    for color in (one, other):
        share = np.array([float(part) for part in color.strip("rgba()").split(",")][:3]) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        lights.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(lights) / min(lights)
