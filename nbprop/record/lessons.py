"""The lessons of the course, and a pointer into one."""

from pathlib import Path
from typing import Any, NamedTuple


class Page(NamedTuple):
    """A notebook of the course."""

    stem: str  # its name in notebooks/, without the ending
    title: str
    shows: str  # what is seen in it
    needs: tuple[int, ...]  # the lessons that it builds on; what those build on is not repeated
    minutes: int  # to go through it, exercises included


LESSONS = {  # number -> Page: what the index, its map and the page for teachers are made of, see docs/course_map.py
    0: Page("00-playground", "The playground", "a network that learns, and all its knobs", (), 20),
    1: Page("01-chain-rule", "The chain rule", "derivatives flow backward through a graph, node by node", (), 40),
    2: Page(
        "02-backpropagation-by-hand",
        "Backpropagation by hand",
        "every number of the four phases, on the smallest network",
        (1,),
        60,
    ),
    3: Page(
        "03-gradient-descent", "Gradient descent", "learning rates, batches, valleys, plateaus and saddles", (1,), 40
    ),
    4: Page("04-activations", "Activations", "sigmoid, tanh, ReLU and kin; saturation and dead units", (2,), 40),
    5: Page(
        "05-vanishing-and-exploding",
        "Vanishing and exploding gradients",
        "why depth is hard, and what repairs it",
        (4,),
        50,
    ),
    6: Page("06-optimizers", "Optimizers", "momentum, AdaGrad, RMSProp and Adam in a race", (3,), 50),
    7: Page("07-overfitting", "Overfitting", "L1, L2, dropout, early stopping", (6,), 50),
    8: Page(
        "08-batch-normalization", "Batch normalization", "what it does to the signal, and to its gradient", (5,), 40
    ),
    9: Page("09-images", "Images", "convolutions that read handwritten digits", (2,), 50),
    10: Page("10-sequences", "Sequences", "RNN and LSTM, backpropagation through time", (5,), 50),
    11: Page("11-language", "A small language model", "a small transformer, and what it attends to", (10,), 50),
    12: Page(
        "12-loss-and-probability",
        "Loss and probability",
        "softmax and cross-entropy, and which loss goes with which output",
        (4,),
        60,
    ),
    13: Page(
        "13-automatic-differentiation",
        "Automatic differentiation",
        "an engine of your own, watched while it trains",
        (2, 3),
        80,
    ),
    14: Page(
        "14-debugging",
        "A network that does not learn",
        "a dozen networks that do not learn, and what is wrong with each",
        (5, 7, 12),
        90,
    ),
    15: Page("15-curvature", "Curvature", "valleys, sharpness, and where the edge of stability is", (6,), 80),
    16: Page("16-going-deep", "Going deep", "hundreds of layers, and the paths that keep them alive", (8,), 60),
    17: Page("17-speech", "Speech", "spoken digits, and a loss that finds out where they are", (10, 12), 60),
    18: Page("18-translation", "Translation", "one language read, another written, and where it looks", (11,), 50),
    19: Page(
        "19-sentiment",
        "Sentiment",
        "sentences that praise and blame, and which word says so",
        (11, 12),
        60,
    ),
    20: Page(
        "20-control",
        "Control",
        "a pole that is balanced, an arm that is moved, and where gradients come from",
        (6, 12),
        70,
    ),
    21: Page(
        "21-without-gradients",
        "Without gradients",
        "annealing, evolution, a swarm and genes, beside backpropagation",
        (6,),
        60,
    ),
    22: Page(
        "22-through-time", "Through time", "windows, periods and lags: what a cut loses, and what it costs", (10,), 60
    ),
    23: Page(
        "23-phase-diagrams",
        "Phase diagrams",
        "maps of hundreds of trainings, and the lines that theory draws in them",
        (16,),
        60,
    ),
}
WAYS = {  # through the course, for those who have so much time
    "an hour": (0, 1),
    "an afternoon": (1, 2, 3, 4, 5),
    "a semester": tuple(LESSONS),
}


class Lesson(NamedTuple):
    """Where the course explains something: the number of a notebook, and the title of a section in it."""

    number: int
    section: str

    @property
    def notebook(self) -> str:
        """Name of its file in notebooks/."""
        return f"{LESSONS[self.number].stem}.ipynb"

    @property
    def where(self) -> dict[str, Any]:
        """page: its name without an ending; section; beside: whether its notebook is in the folder where this runs,
        which is that of the notebook that is open. For a link to it."""
        return {"page": LESSONS[self.number].stem, "section": self.section, "beside": Path(self.notebook).is_file()}

    def __str__(self) -> str:
        return f"Lesson {self.number}, “{LESSONS[self.number].title}”: “{self.section}”"
