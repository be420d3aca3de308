"""The digit pad: draw a digit, watch it become a 28×28 image, and see what the networks make of it."""

from collections.abc import Mapping
from pathlib import Path

import anywidget
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from traitlets import Bytes, Dict, Instance, Int, List

from mnist_helpers.data import CLASSES
from mnist_helpers.evaluation import _digits
from mnist_helpers.plots import INK, PALETTE, _as_images, _percent
from mnist_helpers.preparation import (
    SIDE,
    center_by_mass,
    crop_to_ink,
    draw_strokes,
    fit_into_box,
    prepare,
)
from mnist_helpers.widgets.base import Explorer

# A 2 as people draw on screens: off center, small, and thin.
EXAMPLE = [
    [(30, 61), (42, 41), (70, 36), (92, 50), (94, 72), (74, 102), (32, 140), (64, 134), (108, 142)],
]
EXAMPLE_WIDTH = 10
HATCHES = ("", "//", "..")  # a second signal besides the color

# The layers that the pad supports: the settings they must have, and those that are passed to the page.
_STEP = {"strides": (1, 1), "padding": "valid", "dilation_rate": (1, 1), "groups": 1}
_LAYERS = {
    "Conv2D": ("conv", {"kernel_size": (3, 3), "use_bias": True} | _STEP, ("filters", "activation")),
    "MaxPooling2D": ("pool", {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}, ()),
    "Dense": ("dense", {"use_bias": True}, ("units", "activation")),
}
_NOTHING_TO_DO = {"Dropout", "Flatten", "InputLayer"}  # in inference, with channels last


class DigitPad(Explorer, anywidget.AnyWidget):
    """A pad to draw digits on, with the predictions of one or more networks, computed in the page.

    Parameters
    ----------
    networks : dict of names and trained Keras models that `network_description` accepts.
    images : digits to choose from, ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``, uint8 or floats in
        [0, 1]; none by default. All of them are sent to the page, at 784 bytes each.
    labels : the images' labels, integers 0 to 9, ``(n,)``; none by default.

    Attributes
    ----------
    input : float32 in [0, 1], ``(28, 28)``: the networks' current input.
    probabilities : dict of lists of 10 floats: each network's output for it.

    Raises
    ------
    ValueError
        If the pad cannot compute a network, or images or labels are not as described.
    """

    _esm = Path(__file__).with_suffix(".js")
    input = Instance(np.ndarray, read_only=True).tag(
        sync=True,
        to_json=lambda image, widget: image.tobytes(),
        from_json=lambda value, widget: np.frombuffer(bytes(value), "<f4").reshape(SIDE, SIDE),
    )
    probabilities = Dict(read_only=True).tag(sync=True)
    _networks = Dict().tag(sync=True)
    _images = Bytes().tag(sync=True)
    _labels = List().tag(sync=True)
    _strokes = List().tag(sync=True)
    _width = Int().tag(sync=True)

    def __init__(self, networks: Mapping, images: np.ndarray | None = None, labels=None):
        if not isinstance(networks, Mapping) or not networks:
            raise ValueError(f'networks must be a dict of names and models, {{"MLP": mlp}}, got {networks!r}')
        described = {}
        for name, model in networks.items():
            description, weights = network_description(model)
            described[name] = {"description": description, "weights": weights}
        self._models = dict(networks)
        pixels = np.empty((0, SIDE, SIDE), "uint8") if images is None else _as_bytes(images)
        labels = [] if labels is None else _digits("labels", labels).tolist()
        if labels and len(labels) != len(pixels):
            raise ValueError(f"there must be one label per image: got {len(labels)} for {len(pixels)} images")
        # The page starts with the same example and computes the same.
        image = prepare(draw_strokes(EXAMPLE, EXAMPLE_WIDTH))
        self.set_trait("input", image)
        self.set_trait("probabilities", self._answers(image))
        super().__init__(
            _networks=described,
            _images=pixels.tobytes(),
            _labels=labels,
            _strokes=EXAMPLE,
            _width=EXAMPLE_WIDTH,
        )

    @property
    def digits(self) -> dict[str, int]:
        """What each network reads: the digit with the largest probability."""
        return {name: int(np.argmax(values)) for name, values in self.probabilities.items()}

    def page_data(self) -> dict:
        """The data for ``mount`` in the pad's JavaScript, to show it on a page without a kernel."""
        names = ("networks", "strokes", "width", "images", "labels")
        return {name: getattr(self, f"_{name}") for name in names}

    def __repr__(self) -> str:
        readings = [
            f"{name} reads {digit} ({_percent(self.probabilities[name][digit])})"
            for name, digit in self.digits.items()
        ]
        return f"DigitPad: {', '.join(readings)}"

    def static_figure(self) -> Figure:
        """The example in each preparation step, and the predictions with and without preparation."""
        drawing = draw_strokes(EXAMPLE, EXAMPLE_WIDTH)
        cropped = crop_to_ink(drawing)
        fitted = fit_into_box(cropped)
        smaller = prepare(drawing, crop=False, fit=False, center=False)
        steps = {
            "drawing": drawing,
            "made smaller,\nnothing else": smaller,
            "cropped": cropped,
            "fitted into 20×20": fitted,
            "centered by mass\nin 28×28": center_by_mass(fitted),
        }
        figure = plt.figure(figsize=(9, 4.6), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=[1, 1.3])
        for ax, (title, image) in zip(above.subplots(1, len(steps)), steps.items(), strict=True):
            ax.imshow(image, cmap=INK, vmin=0, vmax=1)
            ax.set_title(title, fontsize=9)
            ax.set(xticks=[], yticks=[])
        answers = {"made smaller, nothing else": smaller, "prepared as MNIST was": prepare(drawing)}
        axes = below.subplots(1, len(answers), sharey=True)
        for ax, (title, image) in zip(axes, answers.items(), strict=True):
            for i, (name, values) in enumerate(self._answers(image).items()):
                style = {"color": PALETTE[i % 3], "hatch": HATCHES[i % 3], "edgecolor": "white"}
                places = np.arange(CLASSES) + (i + 0.5) / len(self._models) * 0.8 - 0.4
                ax.bar(places, values, width=0.8 / len(self._models), label=name, **style)
            ax.set(xticks=range(CLASSES), xlabel="digit", ylim=(0, 1), title=title)
        axes[0].set_ylabel("probability")
        axes[0].legend()
        return figure

    def _answers(self, image: np.ndarray) -> dict[str, list[float]]:
        return {
            name: np.asarray(model(image.reshape(1, *model.input_shape[1:])))[0].tolist()
            for name, model in self._models.items()
        }


def network_description(model) -> tuple[dict, bytes]:
    """Describe a network so that the page can compute it.

    Parameters
    ----------
    model : a built ``keras.Sequential`` that maps 784 pixels to 10 probabilities, with ``Conv2D`` (3×3,
        valid), ``MaxPooling2D`` (2×2), ``Flatten``, ``Dense`` and ``Dropout`` layers, ReLU and softmax.

    Returns
    -------
    description : JSON-ready: the input shape, and the kind and size of each layer that computes something.
    weights : each layer's kernel and bias in turn, as little-endian float32.

    Raises
    ------
    ValueError
        If the network has anything else in it.
    """
    if type(model).__name__ != "Sequential" or not model.built:
        raise ValueError(f"a network must be a built keras.Sequential, got {model!r}")
    if np.prod(model.input_shape[1:]) != SIDE**2 or model.output_shape != (None, CLASSES):
        raise ValueError(
            f"a network must map {SIDE**2} pixels to {CLASSES} probabilities, but {model.name} "
            f"maps {model.input_shape[1:]} to {model.output_shape[1:]}"
        )
    layers, weights = [], []
    for layer in model.layers:
        if type(layer).__name__ in _NOTHING_TO_DO:
            continue
        config = layer.get_config()
        kind, expected, told = _LAYERS.get(type(layer).__name__, (None, {}, ()))
        different = {name: config[name] for name, value in expected.items() if config[name] != value}
        if kind == "dense" and len(layer.input.shape) != 2:
            different["input"] = layer.input.shape[1:]  # Keras would apply it to each pixel
        activation = "softmax" if layer is model.layers[-1] else "relu"
        if kind is None or different or config.get("activation", activation) != activation:
            raise ValueError(
                f"the pad cannot compute the layer {layer.name!r} of {model.name}, a {type(layer).__name__} "
                f"with {different or config.get('activation')}; it supports {', '.join(_LAYERS)} only as "
                "the course uses them"
            )
        layers.append({"kind": kind} | {name: config[name] for name in told})
        weights += layer.get_weights()
    description = {"input": list(model.input_shape[1:]), "layers": layers}
    return description, b"".join(values.astype("<f4").tobytes() for values in weights)


def _as_bytes(images: np.ndarray) -> np.ndarray:
    images = _as_images(images)
    if images.dtype == np.uint8:
        return images
    if not (np.issubdtype(images.dtype, np.floating) and images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"images must be uint8 or floats from 0 to 1, got {images.dtype}")
    return np.rint(255 * images).astype("uint8")
