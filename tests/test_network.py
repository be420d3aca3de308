"""Networks in the page: what Python tells about them, and that JavaScript computes what Keras computes."""

import numpy as np
import pytest
from javascript import run

from mnist_helpers import load_mnist, load_run, load_splits
from mnist_helpers.startup import quiet_start
from mnist_helpers.widgets.network import network_description, packed_weights

with quiet_start():
    import keras
    from keras import layers

RUNS = ("mlp", "cnn", "deep_cnn", "ten_minutes")
PREDICT = """
data.networks.map(([description, weights]) => {
  const network = module.createNetwork(description, weights);
  return data.images.map((image) => module.predict(network, Float32Array.from(image)));
})
"""


def network(*middle, inputs=(28, 28, 1), last=None) -> keras.Model:
    last = last or layers.Dense(10, activation="softmax")
    return keras.Sequential([keras.Input(shape=inputs), *middle, layers.Flatten(), last])


def test_page_and_keras_agree_on_a_thousand_test_digits():
    digits = load_mnist()[1][0][:1000]
    models = [load_run(name)[0] for name in RUNS]
    described = [network_description(model) for model in models]
    images = digits.astype("float32") / 255
    answers = run("network.js", PREDICT, {"networks": described, "images": images.reshape(-1, 784)})
    for name, model, answer in zip(RUNS, models, answers, strict=True):
        expected = model.predict(images.reshape(-1, *model.input_shape[1:]), batch_size=250, verbose=0)
        assert np.abs(np.array(answer) - expected).max() < 1e-4, name


@pytest.mark.parametrize("name", RUNS[:3])
def test_packed_weights_read_999_of_a_thousand_validation_digits_as_keras_does(name):
    images = load_splits("flat")[1][0][:1000]
    model = load_run(name)[0]
    description, weights = network_description(model)
    packed = packed_weights(model)
    assert len(packed) < 0.27 * len(weights)
    expression = PREDICT.replace("weights);", "weights, true);")
    (answer,) = run("network.js", expression, {"networks": [(description, packed)], "images": images})
    expected = model.predict(images.reshape(-1, *model.input_shape[1:]), batch_size=250, verbose=0)
    assert np.sum(np.argmax(answer, axis=1) == expected.argmax(axis=1)) >= 999
    assert 0 < np.abs(np.array(answer) - expected).max() < 0.05


def test_page_unpacks_a_scale_for_each_channel():
    dense = layers.Dense(10, activation="softmax")
    model = network(last=dense)
    numbers = np.arange(-3920, 3920).reshape(784, 10) * 0.9 ** np.arange(10)
    numbers[:, 4] = 0
    dense.set_weights([numbers, np.linspace(-3, 3, 10)])
    image = np.eye(784)[700]
    (found,) = run(
        "network.js",
        """[module.activations(module.createNetwork({
          ...data.description,
          layers: data.description.layers.map((layer) => ({ ...layer, activation: "linear" })),
        }, data.weights, true), data.image).at(-1).values]""",
        {
            "description": network_description(model)[0],
            "weights": packed_weights(model),
            "image": image,
        },
    )
    steps = np.abs(numbers).max(axis=0) / 127  # biases are kept as they are
    assert (np.abs(found - (numbers[700] + np.linspace(-3, 3, 10))) <= steps / 2 + 1e-5).all()


def test_every_layer_gives_what_it_gives_in_keras(rng):
    """Kernels of odd and even size, windows that overhang, and statistics that are not 0 and 1."""
    chain = [
        layers.Conv2D(3, (5, 4), activation="relu"),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.Conv2D(4, (2, 3), padding="same", use_bias=False),
        layers.BatchNormalization(epsilon=0.1),
        layers.ReLU(),
        layers.Dropout(0.5),
        layers.MaxPooling2D((2, 3)),
        layers.BatchNormalization(scale=False),
        layers.BatchNormalization(center=False),
        layers.Conv2D(5, 3, padding="same"),  # of numbers below zero, too
        layers.Activation("relu"),
    ]
    model = network(*chain, layers.Flatten(), layers.Dense(7, use_bias=False), last=layers.Dense(10))
    model = keras.Model(model.inputs[0], layers.Softmax()(model.outputs[0]))  # not Sequential, for a change
    for variable in model.weights:
        values = rng.normal(0, 0.3, variable.shape)
        variable.assign(np.abs(values) if "variance" in variable.path else values)
    model.layers[-2].bias.assign_add(np.full(10, 100))  # exp(100) is more than a float32 can hold
    image = rng.random((28, 28), dtype="float32")

    description, weights = network_description(model)
    found = run(
        "network.js",
        "module.activations(module.createNetwork(data.description, data.weights), data.image)",
        {"description": description, "weights": weights, "image": image.ravel()},
    )
    kinds = (layers.Dropout, layers.Flatten, layers.InputLayer)
    shown = [layer.output for layer in model.layers if not isinstance(layer, kinds)]
    expected = keras.Model(model.inputs[0], shown)(image[None, ..., None])
    assert [layer["name"] for layer in found] == [
        *("convolution 1", "pooling 1", "convolution 2", "normalization 1", "ReLU 1", "pooling 2"),
        *("normalization 2", "normalization 3", "convolution 3", "activation 1"),
        *("dense 1", "dense 2", "softmax 1"),
    ]
    for layer, values in zip(found, expected, strict=True):
        values = np.asarray(values)[0]
        assert tuple(layer["shape"]) == values.shape
        np.testing.assert_allclose(
            layer["values"], values.ravel(), rtol=1e-4, atol=1e-4, err_msg=layer["name"]
        )


def with_nan() -> keras.Model:
    model = network(layers.Conv2D(2, 3, name="first"))
    model.layers[0].bias.assign([0, np.nan])
    return model


def with_two_paths() -> keras.Model:
    inputs = keras.Input(shape=(784,))
    both = layers.Dense(10)(inputs) + layers.Dense(10, name="second")(inputs)
    return keras.Model(inputs, layers.Softmax()(both))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: network(layers.Conv2D(4, 3, strides=2)), r"Conv2D with {'strides': \(2, 2\)}"),
        (lambda: network(layers.Conv2D(4, 3, dilation_rate=2)), r"{'dilation_rate': \(2, 2\)}"),
        (lambda: network(layers.Conv2D(4, 3), layers.Conv2D(4, 3, groups=2)), "{'groups': 2}"),
        (lambda: network(layers.Conv2D(4, 3, activation="tanh")), "a Conv2D with the activation 'tanh'"),
        (lambda: network(layers.BatchNormalization(axis=1)), "BatchNormalization along axis 1"),
        (lambda: network(layers.ReLU(max_value=6)), "ReLU with {'max_value': 6"),
        (lambda: network(layers.LayerNormalization()), "a LayerNormalization; it computes Conv2D, "),
        (lambda: network(layers.Dense(3)), r"a Dense on maps of shape \(28, 28, 1\)"),
        (with_nan, "layer 'first' of .* weights that are nan or infinite"),
        (with_two_paths, "layer 'second' of .*, a Dense that is not fed by the layer before it alone"),
        (lambda: network(last=layers.Dense(10)), "must end in its one softmax, but .* ends in 'dense"),
        (lambda: network(layers.Softmax()), "must end in its one softmax"),
        (lambda: network(last=layers.Dense(9, activation="softmax")), r"28, 1\) to \(None, 9\)"),
        (lambda: network(inputs=(32, 32, 1)), r"maps \(None, 32, 32, 1\) to \(None, 10\)"),
        (lambda: keras.Sequential([layers.Dense(10)]), "must be a built keras.Sequential or keras.Model"),
    ],
)
def test_what_the_page_cannot_compute_is_refused_by_name(model, message):
    with pytest.raises(ValueError, match=message):
        network_description(model())


def test_page_reports_weights_that_do_not_fit():
    layer = {"name": "dense 1", "kind": "dense", "units": 2, "bias": True}
    data = [{"input": [3], "layers": [layer]}, bytes(28)]
    with pytest.raises(AssertionError, match="weights are 32 bytes, but its buffer holds 28"):
        run("network.js", "module.createNetwork(...data)", data)
