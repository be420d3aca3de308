"""The small package that every notebook of the course imports.

It holds what a lesson needs but does not teach (files, figure grids) and what an earlier lesson has
already written out in full. Layers, ``compile``, ``fit`` and ``predict`` stay in the notebooks. An argument
of a wrong form or out of its range is a ``ValueError`` that says what is expected and what to do.

Names are loaded on first use, so that ``import mnist_helpers`` is quick, and preprocessing, evaluation
and plotting work without TensorFlow.
"""

import importlib

# What notebooks import from here. Widgets come from `mnist_helpers.widgets`.
_NAMES = {
    "data": "load_mnist load_splits one_hot shuffled_batches",
    "evaluation": "confusion_matrix mcnemar_exact precision_recall rank_mistakes reliability_bins "
    "wilson_interval",
    "plots": "draw_layers draw_neuron draw_numbers plot_confusion plot_history plot_reliability set_style "
    "show_channels show_digits show_mistakes show_pixels",
    "preparation": "center_by_mass crop_to_ink draw_strokes fit_into_box prepare",
    "reference": "load_results load_run save_results save_run",
    "startup": "processor_has_bfloat16 quiet_start",
    "training_monitor": "TrainingMonitor",
    "transforms": "add_noise resize rotate shift thicken",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = list(_MODULE_OF)


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"mnist_helpers has no {name!r}; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(f"mnist_helpers.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
