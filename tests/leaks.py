"""Whether something leaves objects, widgets or figures behind."""

import gc
from collections.abc import Callable

import ipywidgets
from matplotlib import pyplot as plt


def assert_leaves_nothing(act: Callable[[], None]) -> None:
    """Do it once, for what is made at first and kept, and again; the second time must add nothing."""
    act()
    before = _living()
    act()
    after = _living()
    assert after[0] - before[0] < 20  # the counting itself makes a few
    assert after[1:] == before[1:]


def _living() -> tuple[int, int, list[int]]:
    gc.collect()
    return len(gc.get_objects()), len(ipywidgets.widgets.widget._instances), plt.get_fignums()
