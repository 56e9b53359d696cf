"""shaken.py lets pass what holds on any machine, and nothing that hangs on the last digit of a weight."""

import nbformat
import numpy as np
import pytest
import shaken
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

RUN = """import nbprop as nb
trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), seed=0)
trainer.fit(steps=2, bar=False)
"""


def test_each_weight_gets_another_last_digit():
    for dtype in (np.float32, np.float64):
        before = np.random.default_rng(0).normal(size=3000).astype(dtype)
        once, again, other = before.copy(), before.copy(), before.copy()
        shaken.shake(once, 1), shaken.shake(again, 1), shaken.shake(other, 2)
        np.testing.assert_array_equal(once, again)
        np.testing.assert_allclose(once, before, rtol=5 * np.finfo(dtype).eps)
        assert (once != before).mean() > 0.7 and (once != other).mean() > 0.7


LOSS = "print(f'{trainer.history[\"loss\"][-1]:.2f}')"
WEIGHT = "print(repr(float(trainer.theta[0])))"


@pytest.mark.parametrize(("line", "code"), [(LOSS, 0), (WEIGHT, 1)], ids=["loss", "weight"])
def test_an_output_that_hangs_on_the_last_digit_is_found(tmp_path, line, code):
    path = tmp_path / "lesson.ipynb"
    notebook = new_notebook(cells=[new_code_cell(RUN + line)])
    NotebookClient(notebook, kernel_name="python3").execute()
    nbformat.write(notebook, path)
    assert shaken.main(1, path) == code
