"""Describe a trained network to the page, which computes it in ``js/network.js``."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from mnist_helpers.checks import CLASSES, SIDE

# The layers that the page computes: the kind in network.js, the kind in a name, the settings that they must
# have, and those that are told to the page, with the names that they have there.
_LAYERS = {
    "Conv2D": (
        "conv",
        "convolution",
        {"strides": (1, 1), "dilation_rate": (1, 1), "groups": 1, "data_format": "channels_last"},
        {"filters": "filters", "size": "kernel_size", "padding": "padding", "bias": "use_bias"},
    ),
    "MaxPooling2D": (
        "pool",
        "pooling",
        {"data_format": "channels_last"},
        {"size": "pool_size", "strides": "strides", "padding": "padding"},
    ),
    "Dense": ("dense", "dense", {}, {"units": "units", "bias": "use_bias"}),
    "BatchNormalization": (
        "normalize",
        "normalization",
        {},
        {"epsilon": "epsilon", "scale": "scale", "center": "center"},
    ),
    "ReLU": ("activate", "ReLU", {"max_value": None, "negative_slope": 0, "threshold": 0}, {}),
    "Softmax": ("activate", "softmax", {}, {}),
    "Activation": ("activate", "activation", {}, {}),
}
# In inference
NOTHING_TO_DO = {"InputLayer": {}, "Dropout": {}, "Flatten": {"data_format": "channels_last"}}


def network_descriptions(models: Mapping) -> list[dict]:
    """Describe several networks, for a trait that the page reads.

    Parameters
    ----------
    models : dict of names and trained Keras models that `network_description` accepts.

    Returns
    -------
    A dict of name, description and weights for each, in their order: JSON does not keep that of a dict.

    Raises
    ------
    ValueError
        If there is no network, or one that the page cannot compute.
    """
    if not isinstance(models, Mapping) or not models:
        raise ValueError(f'networks must be a dict of names and models, {{"MLP": mlp}}, got {models!r}')
    described = []
    for name, model in models.items():
        description, weights = network_description(model)
        described.append({"name": name, "description": description, "weights": weights})
    return described


def network_description(model) -> tuple[dict, bytes]:
    """Describe a network so that the page can compute it.

    Parameters
    ----------
    model : a built ``keras.Sequential`` or ``keras.Model`` whose layers form a chain from 784 pixels to the
        10 probabilities of a softmax: convolutions with stride 1, max pooling, dense layers, batch
        normalization, ReLU, dropout, flatten.

    Returns
    -------
    description : JSON-ready, ``{"input": shape, "layers": [...]}``: the name, kind and settings of each layer
        that computes something. A name is such as "convolution 2"; each kind is numbered from 1.
    weights : the layers' weights in turn, as little-endian float32.

    Raises
    ------
    ValueError
        If the network has anything else in it.
    """
    if type(model).__name__ not in ("Sequential", "Functional") or not model.built:
        raise ValueError(f"a network must be a built keras.Sequential or keras.Model, got {model!r}")
    inputs, outputs = model.input_shape, model.output_shape
    if inputs not in ((None, SIDE * SIDE), (None, SIDE, SIDE, 1)) or outputs != (None, CLASSES):
        raise ValueError(
            f"a network must map {SIDE * SIDE} or ({SIDE}, {SIDE}, 1) pixels to {CLASSES} probabilities, but "
            f"{model.name} maps {inputs} to {outputs}"
        )
    layers, weights, count = [], [], Counter()
    branches = type(model).__name__ == "Functional"  # may have some; a Sequential is a chain
    before = model.inputs[0] if branches else None
    for layer in model.layers:
        kind, described, values = _describe(model, layer, before)
        before = layer.output if branches else None
        if described:
            count[kind] += 1
            layers.append({"name": f"{kind} {count[kind]}"} | described)
            weights += values
    softmax = [layer.get("activation") == "softmax" for layer in layers]
    if softmax[-1:] != [True] or any(softmax[:-1]) or (branches and before is not model.outputs[0]):
        raise ValueError(
            f"a network must end in its one softmax, but {model.name} ends in {model.layers[-1].name!r}"
        )
    return {"input": list(inputs[1:]), "layers": layers}, b"".join(weights)


def packed_weights(model) -> bytes:
    """Pack a network's weights for a page without a kernel, into a byte each.

    A weight becomes a whole number from -127 to 127, times a scale that its output channel has in its array.
    Array by array: the scales as little-endian float32, then the numbers. What has one number a channel, such
    as biases, loses nothing. ``createNetwork`` in ``js/network.js`` is the other half.
    """
    parts = []
    for values in (array for layer in model.layers for array in layer.get_weights()):
        values = values.reshape(-1, values.shape[-1])
        scales = (np.abs(values).max(axis=0) / 127).astype("<f4")
        whole = np.rint(values / np.where(scales == 0, 1, scales)).astype("i1")
        parts += [scales.tobytes(), whole.tobytes()]
    return b"".join(parts)


def _describe(model, layer, before) -> tuple[str, dict | None, list[bytes]]:
    name, config = type(layer).__name__, layer.get_config()
    kind, named, needed, told = _LAYERS.get(name, (None, None, NOTHING_TO_DO.get(name), {}))
    activation = {"ReLU": "relu", "Softmax": "softmax"}.get(name, config.get("activation", "linear"))
    problem = None
    if needed is None or activation not in ("linear", "relu", "softmax"):
        problem = f"a {name} with the activation {activation!r}" if kind else f"a {name}"
    elif different := {key: config[key] for key, value in needed.items() if config[key] != value}:
        problem = f"a {name} with {different}"
    elif before is not None and name != "InputLayer" and layer.input is not before:
        problem = f"a {name} that is not fed by the layer before it alone"
    elif name == "Dense" and len(layer.input.shape) != 2:
        problem = f"a {name} on maps of shape {layer.input.shape[1:]}; it needs a Flatten before it"
    elif name in ("BatchNormalization", "Softmax") and config["axis"] not in (-1, len(layer.input.shape) - 1):
        problem = f"a {name} along axis {config['axis']}, which is not the last"
    elif not all(np.isfinite(values).all() for values in layer.get_weights()):
        problem = f"a {name} with weights that are nan or infinite"
    if problem:
        raise ValueError(
            f"the page cannot compute the layer {layer.name!r} of {model.name}, {problem}; it computes "
            f"{', '.join(_LAYERS)} as the course uses them"
        )
    if not kind:
        return "", None, []
    described = {"kind": kind} | {key: config[setting] for key, setting in told.items()}
    if activation != "linear":
        described["activation"] = activation
    return named, described, [values.astype("<f4").tobytes() for values in layer.get_weights()]
