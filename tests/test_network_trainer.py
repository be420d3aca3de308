"""The network trainer: what its worker computes equals Keras, what it says is so, and what it is given."""

import json
import re

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

from mnist_helpers import load_splits
from mnist_helpers.startup import quiet_start
from mnist_helpers.widgets import NetworkTrainer, base
from mnist_helpers.widgets.network_trainer import packed_digits
from mnist_helpers.widgets.training import train

with quiet_start():
    import keras

SETTINGS = ["hidden", "activation", "start", "rate", "batch_size", "momentum", "images", "seed"]


@pytest.fixture(scope="module")
def packed() -> bytes:
    return packed_digits()


@pytest.fixture(scope="module")
def splits():
    (x, y), (x_val, y_val), _ = load_splits("flat")
    return (x[:5000], y[:5000]), (x_val[:1000], y_val[:1000])


def keras_network(hidden, activation, rng) -> keras.Model:
    network = keras.Sequential([keras.Input(shape=(784,))])
    for units in hidden:
        network.add(keras.layers.Dense(units, activation=activation))
    network.add(keras.layers.Dense(10, activation="softmax"))
    for variable in network.weights:
        variable.assign(rng.normal(0, 0.05, variable.shape))
    return network


TRAIN = """(() => {
  const digits = module.unpackDigits(data.bytes, 6000);
  const start = data.start.map(([weights, biases]) => (
    { weights: Float32Array.from(weights), biases: Float32Array.from(biases) }
  ));
  const training = module.createTraining(digits, start, data.activation, 32);
  const losses = data.batches.map((batch) =>
    training.step(batch, data.rate, data.momentum).loss / batch.length
  );
  return { losses, weights: training.weights(), probabilities: [5000, 5001].map(training.readDigit) };
})()"""


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 16), (40, 10), (784, 33), (7, 128)])
def test_weighted_rows_are_added(rng, rows, columns):
    """Some rows, one of them twice, are added to the middle one of three rows; the others stay."""
    source, target = rng.normal(size=(rows, columns)), rng.normal(size=(3, columns))
    items, factors = rng.integers(0, rows, 9), rng.normal(size=9)
    items[3] = items[2]
    found = run(
        "add_rows.js",
        """(() => {
          const memory = module.createMemory(200_000);
          const [source, target] = [data.source, data.target].map((rows) => {
            const matrix = memory.matrix(rows.length, rows[0].length);
            rows.forEach((row, i) => matrix.values.set(row, i * matrix.stride));
            return matrix;
          });
          const list = memory.list(9);
          list.items.set(data.items);
          list.factors.set(data.factors);
          memory.addRows(target, 1, source, list, 2, 8);
          memory.addRows(target, 0, source, list, 5, 5);
          return target.values;
        })()""",
        {"source": source, "target": target, "items": items, "factors": factors},
    )
    target[1] += factors[2:8] @ source[items[2:8]]
    found = np.reshape(found, (3, -1))
    np.testing.assert_allclose(found[:, :columns], target, rtol=1e-4, atol=1e-5)
    assert found.shape[1] % 16 == 0 and not found[:, columns:].any()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(
    ("hidden", "activation"),
    [
        ([], "relu"),
        ([32], "relu"),
        ([128], "tanh"),
        ([20, 33], "sigmoid"),
        ([64, 16, 8], "relu"),
        ([16, 4, 24], "tanh"),
        ([5, 7], "linear"),
    ],
)
def test_fifty_steps_equal_those_of_keras(packed, splits, rng, hidden, activation, momentum):
    (x, y), (x_val, _) = splits
    network = keras_network(hidden, activation, rng)
    start = [[kernel.ravel(), bias] for kernel, bias in (layer.get_weights() for layer in network.layers)]
    batches = [rng.choice(5000, size, replace=False) for size in [32] * 48 + [7, 1]]
    rate = 0.1 * (1 - momentum)
    settings = {"activation": activation, "rate": rate, "momentum": momentum}
    found = run("training.js", TRAIN, {"bytes": packed, "start": start, "batches": batches, **settings})

    network.compile(keras.optimizers.SGD(rate, momentum=momentum), "categorical_crossentropy")
    losses = [network.train_on_batch(x[batch], y[batch]) for batch in batches]
    np.testing.assert_allclose(found["losses"], [float(loss) for loss in losses], atol=1e-4)
    for layer, got in zip(network.layers, found["weights"], strict=True):
        kernel, bias = layer.get_weights()
        assert np.abs(np.reshape(got["weights"], kernel.shape) - kernel).max() < 1e-4
        assert np.abs(got["biases"] - bias).max() < 1e-4
    expected = network.predict(x_val[:2], verbose=0)
    assert np.abs(np.array(found["probabilities"]) - expected).max() < 1e-4


def test_page_gets_the_digits_of_the_course(packed, splits):
    (x, y), (x_val, y_val) = splits
    unpack = """(() => {
      const digits = module.unpackDigits(data, 6000);
      const start = module.startWeights({ hidden: [], start: "zeros" });
      const training = module.createTraining(digits, start, "relu", 1);
      const used = [0, 1, 2, 2500, 4999, 5000, 5001, 5999];
      return { labels: digits.labels, inks: digits.starts, images: used.map(training.image) };
    })()"""
    found = run("training.js", unpack, packed)
    images, labels = np.concatenate([x, x_val]), np.concatenate([y, y_val])
    assert found["labels"] == labels.argmax(axis=1).tolist()
    assert np.diff(found["inks"]).tolist() == (images > 0).sum(axis=1).tolist()
    used = [0, 1, 2, 2500, 4999, 5000, 5001, 5999]
    np.testing.assert_array_equal(np.float32(found["images"]), images[used])
    assert len(base.packed(packed)) < 1_200_000


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "hidden": [16, 8],
            "activation": "tanh",
            "momentum": 0.9,
            "rate": 0.02,
            "images": 1000,
            "batch_size": 30,
        },
        {"hidden": [], "images": 200, "batch_size": 1, "rate": 0.01, "seed": 999},
        {"activation": "sigmoid", "start": "too large", "images": 500},
    ],
)
def test_page_trains_as_the_figure_does(packed, splits, changes):
    """The same start, order of digits, steps and measurements, in JavaScript and in numpy."""
    trainer = NetworkTrainer(**changes)
    settings = {name: getattr(trainer, name) for name in SETTINGS}
    found = run(
        "training_run.js",
        """(async () => {
          const { unpackDigits } = await import(data.training);
          const run = module.createRun(unpackDigits(data.bytes, module.COUNT), data.settings);
          run.go(run.perEpoch);
          return run.history;
        })()""",
        {"bytes": packed, "settings": settings, "training": (base.JS / "training.js").as_uri()},
    )
    images, labels = (np.concatenate(parts) for parts in zip(*splits, strict=True))
    expected, _ = train(settings, images, labels, epochs=1)
    assert found["steps"] == expected["steps"]
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0.01, atol=0.002)
    for name in ("accuracy", "val_accuracy"):
        np.testing.assert_allclose(found[name], expected[name], atol=0.004)


# What the page says


@pytest.fixture(scope="module")
def says(packed):
    """The verdicts on trainings of given settings, after so many epochs of 1,000 digits."""

    def says(*trainings: dict, epochs: int = 1) -> list[list]:
        settings = [
            {name: getattr(NetworkTrainer(images=1000, **changes), name) for name in SETTINGS}
            for changes in trainings
        ]
        return run(
            "network_trainer.js",
            """(async () => {
              const { unpackDigits } = await import(data.folder + "training.js");
              const { COUNT, createRun } = await import(data.folder + "training_run.js");
              const digits = unpackDigits(data.bytes, COUNT);
              return data.settings.map((settings) => {
                const run = createRun(digits, settings);
                run.go(data.epochs * run.perEpoch);
                const { history, perEpoch } = run;
                const report = { history, perEpoch, steps: run.steps(), hasEqualUnits: run.hasEqualUnits() };
                return [module.trouble(report), module.describe(report)];
              });
            })()""",
            {"bytes": packed, "settings": settings, "epochs": epochs, "folder": base.JS.as_uri() + "/"},
        )

    return says


def test_page_says_how_a_training_goes(says):
    (nothing, words), (none_yet, first) = says({}, epochs=5)[0], says({}, epochs=0)[0]
    assert nothing == none_yet == ""
    numbers = (
        r"After step 160, epoch 5, it reads 8\d\.\d.% of the validation images and 9\d\.\d.% of the training"
    )
    assert re.match(numbers, words)
    assert first.startswith("Not trained yet: it reads ")


def test_page_says_that_the_rate_is_too_large(says):
    trainings = [
        {"rate": 2.0},
        {"rate": 10.0},
        {"rate": 10.0, "activation": "tanh"},
        {"rate": 100.0, "activation": "linear", "hidden": [64, 64]},
        {"rate": 0.1, "momentum": 0.999, "batch_size": 8},
    ]
    for verdict, words in says(*trainings, epochs=3):
        assert verdict.endswith("the steps are too large. Choose a smaller rate."), words
        assert words.endswith(verdict)


def test_page_says_that_equal_units_do_not_learn(says):
    for activation in ("relu", "tanh", "linear"):
        ((verdict, _),) = says({"start": "zeros", "activation": activation}, epochs=3)
        assert verdict.startswith("It does not learn: all neurons of the first layer are equal"), activation
    # Without a hidden layer, nothing is equal for long.
    ((verdict, words),) = says({"start": "zeros", "hidden": []}, epochs=3)
    assert verdict == "" and "reads 8" in words


def test_page_says_that_the_loss_hardly_falls(says):
    ((verdict, _),) = says({"rate": 0.001})
    assert verdict == "The loss has hardly fallen so far."


# The state


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hidden", [32] * 4, r"hidden must be a list of up to 3 numbers of units, such as \[32\], got"),
        ("hidden", 32, "hidden must be a list"),
        ("hidden", [32, 3], "each number of units in hidden must be a whole number from 4 to 128, got 3"),
        ("activation", "swish", "any of .*relu.*, not the str 'swish'"),
        ("start", "random", "any of .*He.*zeros.*too large"),
        ("rate", 0.0, "rate must be a finite number from 0.0001 to 100, got 0.0"),
        ("batch_size", 501, "batch_size must be a whole number from 1 to 500, got 501"),
        ("momentum", 1.0, "momentum must be a finite number from 0 to 0.999, got 1.0"),
        ("images", 99, "images must be a whole number from 100 to 5000, got 99"),
        ("seed", 1.5, "seed must be a whole number from 0 to 999, got 1.5"),
        ("digit", 1000, "digit must be a whole number from 0 to 999, got 1000"),
    ],
)
def test_bad_setting_is_refused_and_changes_nothing(name, value, message):
    trainer = NetworkTrainer()
    before = trainer.get_state()
    with pytest.raises(TraitError, match=message):
        setattr(trainer, name, value)
    assert trainer.get_state() == before
    with pytest.raises(TraitError, match=message):
        NetworkTrainer(**{name: value})


def test_page_offers_what_the_traits_allow():
    choices = run(
        "network_trainer.js", "Object.values(module.CHOICES).flat().map((choice) => choice.slice(0, 3))"
    )
    for trait, _, values in choices:
        defaults = NetworkTrainer()
        assert getattr(defaults, trait) in values
        for value in values:
            setattr(defaults, trait, value)
    assert set(run("trainer.js", "module.STARTING_ANEW")) == set(SETTINGS)


def test_notebook_holds_neither_digits_nor_worker(packed):
    trainer = NetworkTrainer()
    assert trainer.on_demand["digits"]() == packed
    assert "onmessage" in trainer.on_demand["worker"]().decode()
    assert len(json.dumps(trainer.page_bundle())) < 10_000


def test_figure_shows_the_training_of_the_settings():
    trainer = NetworkTrainer(hidden=[8], images=200, rate=0.05)
    assert repr(trainer) == (
        "NetworkTrainer: 784-8-10, relu, start He, rate 0.05, batches of 32, momentum 0, 200 digits, seed 0"
    )
    loss, accuracy, *units = trainer.static_figure().axes
    training, validation = loss.lines
    assert training.get_xdata()[-1] == validation.get_xdata()[-1] == 35
    assert training.get_ydata()[-1] < 0.9 * training.get_ydata()[0]
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert 0.1 < accuracy.lines[1].get_ydata()[-1] < 0.8
    assert [len(ax.images) for ax in units] == [1] * 8 + [0] * 16
