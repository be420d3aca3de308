"""Interactive widgets, one per idea: the state is in traits and numpy, with a thin view on top.

Import each from its own module, such as ``mnist_helpers.widgets.digit_browser``.
"""
