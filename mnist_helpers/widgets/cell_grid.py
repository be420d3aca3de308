"""A grid of cells to choose from: the pixels of a digit, or the entries of a confusion matrix."""

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets


class CellGrid(anywidget.AnyWidget):
    """A grid of gray cells, one of which can be selected by mouse, touch or arrow keys.

    Parameters
    ----------
    on_choice : called with row and column when a cell is chosen on the page.
    description : the grid's accessible name.
    label : template of a cell's label, with {row}, {column} and {value}.
    values : integers, as a list of rows of equal length.
    shades : the same shape, from 0 (white) to 255 (black).
    numbers : whether to show each value in its cell, and row and column numbers at the edges.
    cell : row and column of the selected cell, or an empty list.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = """
    .cell-grid { max-width: 100%; container-type: inline-size; color: var(--jp-ui-font-color1, #222) }
    .cell-grid [role=grid] { display: grid; border: 1px solid #767676 }
    .cell-grid [role=row] { display: contents }
    .cell-grid [role=gridcell] { aspect-ratio: 1; cursor: pointer; position: relative }
    .cell-grid :is([role=gridcell], [role=columnheader], [role=rowheader]) {
      display: grid; place-items: center; font-size: min(11px, 3.6cqw); line-height: 1 }
    .cell-grid [role=rowheader] { padding: 0 4px }
    .cell-grid [role=columnheader] { padding: 2px 0 }
    .cell-grid [aria-selected=true] { outline: 3px solid #d55e00; z-index: 1 }
    .cell-grid [role=gridcell]:hover { outline: 2px solid #0072b2; z-index: 1 }
    .cell-grid [role=gridcell]:focus-visible { outline: 3px dashed #d55e00; outline-offset: 2px; z-index: 2 }
    """

    description = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    values = traitlets.List().tag(sync=True)
    shades = traitlets.List().tag(sync=True)
    numbers = traitlets.Bool().tag(sync=True)
    cell = traitlets.List().tag(sync=True)

    def __init__(self, on_choice: Callable[[int, int], None], **traits):
        super().__init__(**traits)
        self.on_msg(lambda _, content, buffers: on_choice(*content["cell"]))
