"""The lessons of the course, and a pointer into one."""

from pathlib import Path
from typing import Any, NamedTuple

LESSONS = {  # number -> (notebook in notebooks/, title)
    0: ("00-playground", "The playground"),
    1: ("01-chain-rule", "The chain rule"),
    2: ("02-backpropagation-by-hand", "Backpropagation by hand"),
    3: ("03-gradient-descent", "Gradient descent"),
    4: ("04-activations", "Activations"),
    5: ("05-vanishing-and-exploding", "Vanishing and exploding gradients"),
    6: ("06-optimizers", "Optimizers"),
    7: ("07-overfitting", "Overfitting"),
    8: ("08-batch-normalization", "Batch normalization"),
    9: ("09-images", "Images"),
    10: ("10-sequences", "Sequences"),
    11: ("11-language", "A small language model"),
    12: ("12-loss-and-probability", "Loss and probability"),
    14: ("14-debugging", "A network that does not learn"),
}


class Lesson(NamedTuple):
    """Where the course explains something: the number of a notebook, and the title of a section in it."""

    number: int
    section: str

    @property
    def notebook(self) -> str:
        """Name of its file in notebooks/."""
        return f"{LESSONS[self.number][0]}.ipynb"

    @property
    def where(self) -> dict[str, Any]:
        """page: its name without an ending; section; beside: whether its notebook is in the folder where this runs,
        which is that of the notebook that is open. For a link to it."""
        return {"page": LESSONS[self.number][0], "section": self.section, "beside": Path(self.notebook).is_file()}

    def __str__(self) -> str:
        return f"Lesson {self.number}, “{LESSONS[self.number][1]}”: “{self.section}”"
