"""Follow a digit through a trained network: layer by layer, channel by channel."""

import threading

import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.data import CLASSES
from mnist_helpers.widgets.base import Explorer, Slider, Status, image_html, ink

# The layers that are shown, and their names. The others change no numbers: Flatten only reshapes, and Dropout
# does nothing in inference.
KINDS = {"Conv2D": "convolution", "MaxPooling2D": "pooling", "Dense": "dense"}
LINE, FRAME = (190, 190, 190), (213, 94, 0)  # colors of the lines around a channel, and around the chosen one
# Upper limits in CSS pixels: the widths of the digit, all channels and the chosen one; the height of each.
SMALL, SHEET, LARGE, HIGHEST = 112, 440, 224, 300


class FeatureMaps(Explorer, widgets.VBox):
    """Show all channels of a layer in one picture, on one scale, and one of them enlarged.

    Parameters
    ----------
    models : dict of names and trained ``keras.Model`` objects.
    images : numbers in [0, 1], ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``.
    labels : integers 0 to 9, ``(n,)``; each digit must occur.

    Attributes
    ----------
    network : the name of the model shown.
    digit, number : the class of the image, 0 to 9, and which image of that class, from 0.
    layer : a name such as "convolution 1"; each kind of layer is numbered from 1.
    channel : from 0, as in Keras. Each output of a dense layer is a 1×1 channel.

    Raises
    ------
    ValueError
        If an argument is not as described.
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    network = traitlets.Unicode()
    digit = traitlets.Int()
    number = traitlets.Int()
    layer = traitlets.Unicode()
    channel = traitlets.Int()

    def __init__(self, models: dict, images: np.ndarray, labels: np.ndarray):
        import keras  # not at the top: it is slow, and importing this module should not be

        if not isinstance(models, dict) or not models:
            raise ValueError(f"models must be a dict of names and keras models, got {models!r}")
        for name, model in models.items():
            if not isinstance(model, keras.Model):
                raise ValueError(f"models[{name!r}] must be a keras model, got {type(model).__name__}")
        self._images, self._labels = np.asarray(images, dtype="float32"), np.asarray(labels)
        if self._images[:1].size != 784:
            raise ValueError(
                f"images must be (n, 28, 28), (n, 28, 28, 1) or (n, 784), got {self._images.shape}"
            )
        if self._images.min() < 0 or self._images.max() > 1:
            raise ValueError(
                f"images must hold numbers from 0 to 1, got {self._images.min()} to {self._images.max()}; "
                "load_splits scales them"
            )
        if self._labels.shape != (len(images),) or not np.issubdtype(self._labels.dtype, np.integer):
            raise ValueError(
                f"labels must be {len(images)} integers, one per image, got {self._labels.dtype} of shape "
                f"{self._labels.shape}; for one-hot labels, pass labels.argmax(axis=1)"
            )
        if missing := set(range(CLASSES)) - set(self._labels.tolist()):
            raise ValueError(
                f"labels must contain every digit, missing {', '.join(map(str, sorted(missing)))}"
            )
        self._layers = {name: _named_layers(model) for name, model in models.items()}
        # Per model, one network that returns all layers' outputs; it shares the weights and is built once.
        self._inside = {
            name: keras.Model(model.inputs[0], [layer.output for layer in self._layers[name].values()])
            for name, model in models.items()
        }
        # Not a Dropdown: JupyterLab uses the arrow keys to move between cells.
        self._controls = {
            "network": widgets.ToggleButtons(options=list(models), style={"button_width": "auto"}),
            "digit": Slider(max=CLASSES - 1),
            "number": widgets.BoundedIntText(),
            "layer": widgets.ToggleButtons(style={"button_width": "auto"}),
            "channel": Slider(),
        }
        self._said, self._view = Status(), widgets.HTML()
        self._setting, self._computed_for = False, None
        # Messages from two controls in JupyterLab can be handled in two threads of the kernel.
        self._lock = threading.RLock()
        super().__init__()
        for name, control in self._controls.items():
            control.description = name
            control.observe(self._take, "value")
        self.observe(self._update, list(self._controls))
        row = widgets.Box(
            [self._controls[name] for name in ("digit", "number", "channel")],
            layout=widgets.Layout(flex_flow="row wrap", grid_gap="4px 24px"),
        )
        self.children = [self._controls["network"], self._controls["layer"], row, self._said, self._view]
        self.network = next(iter(models))

    @property
    def maps(self) -> np.ndarray:
        """The chosen layer's output, float32, ``(height, width, channels)``; 1×1 for a dense layer."""
        output = self._outputs()[list(self._layers[self.network]).index(self.layer)]
        return output.reshape(*(output.shape[:-1] if output.ndim == 3 else (1, 1)), -1)

    def _outputs(self) -> list[np.ndarray]:
        asked = (self.network, self._position())
        if asked != self._computed_for:  # another layer or channel needs no new forward pass
            inside = self._inside[self.network]
            image = self._images[self._position()].reshape(1, *inside.input_shape[1:])
            # A plain call: `predict` would compile a graph first.
            self._computed = [np.asarray(output)[0] for output in inside(image, training=False)]
            self._computed_for = asked
        return self._computed

    def _position(self) -> int:
        return np.flatnonzero(self._labels == self.digit)[self.number]

    def _allowed(self, name: str):
        if name == "network":
            return list(self._layers)
        if name == "digit":
            return range(CLASSES)
        if name == "number":
            return range(np.count_nonzero(self._labels == self.digit))
        layers = self._layers[self.network]
        return list(layers) if name == "layer" else range(layers[self.layer].output.shape[-1])

    @traitlets.validate("network", "digit", "number", "layer", "channel")
    def _check(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        allowed = self._allowed(name)
        if value not in allowed:
            values = f"0 to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
            raise traitlets.TraitError(f"{name} must be one of {values}; got {value!r}")
        return value

    def _update(self, _change) -> None:
        with self._lock:
            # First reset what another network or digit has made invalid; that change then updates the view.
            for name, at in (("number", -1), ("layer", 0), ("channel", -1)):
                allowed = self._allowed(name)
                if getattr(self, name) not in allowed:
                    setattr(self, name, allowed[at])
                    return
            self._show()

    def _take(self, change) -> None:
        with self._lock:
            if self._setting:
                return
            try:
                setattr(self, change.owner.description, change.new)
            except traitlets.TraitError:
                self._show()  # the page was a step behind: send it the valid state

    def _show(self) -> None:
        self._setting = True  # ignore the controls' own change events meanwhile
        self._controls["number"].max = self._allowed("number")[-1]
        self._controls["layer"].options = self._allowed("layer")
        self._controls["channel"].max = self._allowed("channel")[-1]
        for name, control in self._controls.items():
            control.value = getattr(self, name)
        self._setting = False

        digit, sheet, large = self._pictures()
        self._said.text = self._about()
        self._view.value = (
            f"<div style='display: flex; flex-wrap: wrap; gap: 16px; align-items: start; "
            f"min-height: {HIGHEST}px'>"
            + image_html(digit, f"The digit, a {self.digit}", _width(digit, SMALL))
            + image_html(
                sheet, f"The channels of {self.layer}; {self.channel} is framed", _width(sheet, SHEET)
            )
            + "<div style='border: 1px solid; line-height: 0'>"  # shows the extent of an empty channel
            + image_html(large, f"Channel {self.channel} of {self.layer}", _width(large, LARGE))
            + "</div></div>"
        )

    def _pictures(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low = min(0, self.maps.min())
        inks = ink((self.maps - low) / ((self.maps.max() - low) or 1))
        digit = ink(self._images[self._position()].reshape(28, 28))
        return digit, _sheet(inks, self.channel), inks[..., self.channel]

    def _about(self) -> str:
        maps = self.maps
        height, width, count = maps.shape
        return (
            f"{self.network}: a {self.digit}, read as {self._outputs()[-1].argmax()}. "
            f"{self.layer.capitalize()}: {count} channels of {height}×{width} on one scale, largest value "
            f"{maps.max():.2f}. Channel {self.channel}: largest value {maps[..., self.channel].max():.2f}."
        )

    def static_figure(self) -> Figure:
        """The digit, all channels of the layer, and the chosen one."""
        figure, axes = plt.subplots(1, 3, figsize=(9, 4), width_ratios=(1, 4, 2))
        titles = (f"a {self.digit}", f"{self.network}, {self.layer}", f"channel {self.channel}")
        for ax, picture, title in zip(axes, self._pictures(), titles, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
            ax.set_title(title)
            ax.axis("off")
        return figure

    def __repr__(self) -> str:
        return f"FeatureMaps: number {self.number}. {self._about()}"


def _named_layers(model) -> dict:
    names: dict = {}
    for layer in model.layers:
        if kind := KINDS.get(type(layer).__name__):
            names[f"{kind} {sum(name.startswith(kind) for name in names) + 1}"] = layer
    return names


def _sheet(inks: np.ndarray, chosen: int) -> np.ndarray:
    """Lay the channels out side by side, each with a one-pixel border; uint8, in color."""
    height, width, count = inks.shape
    columns = min(count, 8 if height > 1 else 16)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, 3), LINE, dtype=np.uint8)
    for i, channel in enumerate(np.moveaxis(inks, -1, 0)):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        if i == chosen:
            sheet[top : top + height + 2, left : left + width + 2] = FRAME
        sheet[top + 1 : top + 1 + height, left + 1 : left + 1 + width] = channel[..., None]
    return sheet


def _width(pixels: np.ndarray, most: int) -> int:
    # A whole number of CSS pixels per array pixel, so that all are the same size.
    return pixels.shape[1] * min(most // pixels.shape[1], HIGHEST // pixels.shape[0])
