"""The base of widgets that need a kernel: Python keeps the arrays, the page gets what it shows of them."""

import threading

import traitlets

from mnist_helpers.widgets.base import Widget


class KernelWidget(Widget):
    """A widget whose arrays are too large for the page.

    A subclass names in `choices` the traits that say what to show, makes `_content` of them, and calls
    `_start` at the end of ``__init__``. What made a content is part of it, so that the page can tell when the
    kernel has not answered yet.
    """

    choices: tuple[str, ...] = ()
    content = traitlets.Dict().tag(sync=True)

    def _content(self) -> dict:
        """All that the page needs besides the choices: texts, numbers and bytes."""
        raise NotImplementedError

    def _start(self) -> None:
        # Two messages from the page can be handled in two threads of the kernel. With the lock, the last
        # content that is made sees both changes.
        lock = threading.RLock()

        def fill(change=None) -> None:
            with lock:
                made_for = {name: getattr(self, name) for name in self.choices}
                self.content = {"choices": made_for} | self._content()

        self.observe(fill, list(self.choices))
        fill()
