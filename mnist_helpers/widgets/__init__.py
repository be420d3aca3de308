"""Things to play with, one for each idea: state in traits and numpy, with a thin view on top.

Each is imported from its own module, such as ``mnist_helpers.widgets.digit_browser``.
"""
