"""Views in one Matplotlib figure: what `plot()` of a board gives, and its picture where no widget can live."""

import io
import math
from typing import Any


def figure(views, columns=None, dpi=100) -> Any:
    """A Figure of the views beside each other that shows itself in a notebook; columns None: about square."""
    # Not from pyplot, which would keep every figure alive. Jupyter shows such a figure only if it can draw itself.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Base

    class Figure(Base):
        def _repr_png_(self):
            stream = io.BytesIO()
            self.savefig(stream, format="png")
            return stream.getvalue()

    n = len(views)
    columns = int(min(columns or math.ceil(math.sqrt(n)), n))
    rows = math.ceil(n / columns)
    width, height = (max(sizes) for sizes in zip(*(view.size for view in views), strict=True))
    made = Figure(figsize=(width * columns, height * rows), layout="constrained", dpi=dpi)
    FigureCanvasAgg(made)
    for k, view in enumerate(views):
        view.plot(made.add_subplot(rows, columns, k + 1))
    return made
