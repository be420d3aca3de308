"""Check that an action leaks no objects, widgets or figures."""

import gc
from collections.abc import Callable

import ipywidgets
from matplotlib import pyplot as plt


def assert_leaves_nothing(act: Callable[[], None]) -> None:
    """Act once, to create what is made once and kept, and again: the second time must add nothing."""
    act()
    before = _living()
    act()
    after = _living()
    assert after[0] - before[0] < 20  # counting creates a few objects itself
    assert after[1:] == before[1:]


def _living() -> tuple[int, int, list[int]]:
    gc.collect()
    return len(gc.get_objects()), len(ipywidgets.widgets.widget._instances), plt.get_fignums()
