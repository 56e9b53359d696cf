import matplotlib.pyplot as plt
import pytest


@pytest.fixture
def ax():
    """Axes to draw on, drawn in full at the end: Matplotlib finds most of its faults only then."""
    figure, axes = plt.subplots()
    yield axes
    figure.canvas.draw()
    plt.close(figure)
