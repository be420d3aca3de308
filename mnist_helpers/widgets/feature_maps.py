"""Follow a digit through a trained network: layer by layer, channel by channel."""

from collections.abc import Mapping

import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.checks import CLASSES, as_digits, as_images
from mnist_helpers.data import N_TRAIN
from mnist_helpers.preparation import prepare
from mnist_helpers.widgets.base import esm, one_of
from mnist_helpers.widgets.digits import Digits, digits_for_the_page
from mnist_helpers.widgets.network import NOTHING_TO_DO, network_descriptions
from mnist_helpers.widgets.pad import Pad

LINE, FRAME = (0.75, 0.75, 0.75), (0.84, 0.37, 0)  # around a channel, and around the chosen one


class FeatureMaps(Digits, Pad):
    """Show all channels of a layer in one picture, on one scale, and one of them enlarged.

    The view asks for the images, a hundred at a time. A page without a kernel has the first 300 validation
    images of each digit, and shows other arrays as a picture only.

    Parameters
    ----------
    models : dict of names and trained Keras models that `network_description` accepts.
    images : floats in [0, 1], ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``, rounded to 256 gray
        levels.
    labels : integers 0 to 9, ``(n,)``; each digit must occur.

    Attributes
    ----------
    network : the name of the model shown.
    digit, number : the class of the image, 0 to 9, and which image of that class, from 0.
    drawn : whether what is on the pad is shown, prepared by `prepare`, and not that image.
    drawing, width, erase : the pad and its pen, as in `DigitPad`.
    layer : a name such as "convolution 1"; each kind of layer is numbered from 1.
    channel : from 0, as in Keras. Each output of a dense layer is a 1×1 channel.

    Raises
    ------
    ValueError
        If an argument is not as described.
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    _esm = esm("feature_maps.js")
    on_demand = digits_for_the_page(N_TRAIN)

    network = traitlets.Unicode().tag(sync=True)
    drawn = traitlets.Bool().tag(sync=True)
    layer = traitlets.Unicode().tag(sync=True)
    channel = traitlets.Int().tag(sync=True)
    # What the page needs besides, and does not change
    networks = traitlets.List().tag(sync=True)

    def __init__(self, models: Mapping, images: np.ndarray, labels: np.ndarray):
        networks = network_descriptions(models)
        images = np.rint(255 * as_images(images)).astype("uint8")
        labels = as_digits(labels, count=len(images))
        if missing := set(range(CLASSES)) - set(labels.tolist()):
            raise ValueError(
                f"labels must contain every digit, missing {', '.join(map(str, sorted(missing)))}; "
                "pass more images"
            )
        self._models = dict(models)
        self._channels = {network["name"]: _channels(network["description"]) for network in networks}
        first = next(iter(models))
        state = {"network": first, "layer": next(iter(self._channels[first]))}
        super().__init__(images, labels, networks=networks, **state)

    @property
    def maps(self) -> np.ndarray:
        """The chosen layer's output, as Keras computes it: float32, ``(height, width, channels)``.

        It is 1×1 for a dense layer.
        """
        return self._outputs()[self.layer]

    def static_figure(self) -> Figure:
        """The digit, all channels of the layer, and the chosen one."""
        figure, axes = plt.subplots(1, 3, figsize=(9, 4), width_ratios=(1, 4, 2))
        titles = (self._what(), f"{self.network}, {self.layer}", f"channel {self.channel}")
        maps = self.maps
        low = min(0, maps.min())
        paper = 1 - (maps - low) / ((maps.max() - low) or 1)  # all channels share a scale
        pictures = (1 - self._image(), _sheet(paper, self.channel), paper[..., self.channel])
        for ax, picture, title in zip(axes, pictures, titles, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
            ax.set_title(title)
            ax.axis("off")
        return figure

    def __repr__(self) -> str:
        outputs = self._outputs()
        maps = outputs[self.layer]
        height, width, count = maps.shape
        return (
            f"FeatureMaps: number {self.number}. {self.network}: {self._what()}, "
            f"read as {[*outputs.values()][-1].argmax()}. {self.layer.capitalize()}: {count} channels of "
            f"{height}×{width} on one scale, largest value {maps.max():.2f}. "
            f"Channel {self.channel}: largest value {maps[..., self.channel].max():.2f}."
        )

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        self.networks = network_descriptions(self._models)  # a network may have been trained since
        return super()._repr_mimebundle_(**kwargs)

    def _what(self) -> str:
        return "your drawing" if self.drawn else f"a {self.digit}"

    def _image(self) -> np.ndarray:
        image = prepare(self.drawing) if self.drawn else self._images[self.position] / 255
        return image.astype("float32")

    def _outputs(self) -> dict[str, np.ndarray]:
        """What each layer that is shown makes of the image."""
        model, outputs = self._models[self.network], []
        values = self._image().reshape(1, *model.input_shape[1:])
        for layer in model.layers:
            kind = type(layer).__name__
            values = values if kind == "InputLayer" else layer(values)
            if kind not in NOTHING_TO_DO:
                shape = values.shape[1:] if len(values.shape) == 4 else (1, 1, -1)
                outputs.append(np.asarray(values).reshape(shape))
        return dict(zip(self._channels[self.network], outputs, strict=True))

    def _allowed(self, name: str):
        if name == "network":
            return self._channels
        if name == "number":
            return range(self._last + 1)
        layers = self._channels.get(self.network, {})  # a message from a page may name another network
        return layers if name == "layer" else range(layers.get(self.layer, 1))

    @traitlets.validate("network", "layer", "channel")
    def _known(self, proposal):
        return one_of(self._allowed(proposal.trait.name), proposal)

    @traitlets.observe("network", "digit", "layer")
    def _reset(self, _change) -> None:
        """Reset what another network, digit or layer has made invalid."""
        for name, at in (("number", -1), ("layer", 0), ("channel", -1)):
            if getattr(self, name) not in (allowed := self._allowed(name)):
                setattr(self, name, list(allowed)[at])


def _channels(description: dict) -> dict[str, int]:
    """The number of channels of each layer."""
    count, channels = description["input"][-1], {}
    for layer in description["layers"]:
        count = channels[layer["name"]] = layer.get("filters") or layer.get("units") or count
    return channels


def _sheet(paper: np.ndarray, chosen: int) -> np.ndarray:
    """Lay the channels out side by side, each with a one-pixel border; in color."""
    height, width, count = paper.shape
    columns = min(count, 8 if height > 1 else 16)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, 3), LINE)
    for i, channel in enumerate(np.moveaxis(paper, -1, 0)):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        if i == chosen:
            sheet[top : top + height + 2, left : left + width + 2] = FRAME
        sheet[top + 1 : top + 1 + height, left + 1 : left + 1 + width] = channel[..., None]
    return sheet
