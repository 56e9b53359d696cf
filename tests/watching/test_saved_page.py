"""A board of a watched loop in a page of its own: through what its record holds, without a kernel."""

import numpy as np

import nbprop as nb


def told(steps):
    run, rng = nb.watch(), np.random.default_rng(0)
    board = run.board("loss", "gradients", "histograms")
    for step in range(steps):
        weights = {"l1": rng.normal(size=(3, 2)), "l2": rng.normal(size=(1, 3))}
        outputs = {name: rng.normal(size=(8, len(each))) for name, each in weights.items()}
        run.observe(loss=1 / (step + 1), params=weights, grads=weights, activations=outputs, deltas=outputs)
        board.frame()
    return run, board


def test_it_goes_through_the_steps_that_were_recorded(tmp_path):
    run, board = told(30)
    saved = board.save(tmp_path / "run.html")
    assert run.steps == 30 and "from step" in str(saved)
    assert (tmp_path / "run.html").stat().st_size > 100_000
