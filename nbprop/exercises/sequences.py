"""Exercises of notebook 10: recurrent networks."""

import numpy as np

from nbprop.engine import Tensor

from .exercise import Exercise, Mistake

# ---- 1. Backpropagation through time -----------------------------------------------------------------------------


def bptt(w, x):
    h = [0.0]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + x_t))
    dw, dh = 0.0, 1.0  # dL/dh of the last step
    for t in range(len(x), 0, -1):
        dz = dh * (1 - h[t] ** 2)
        dw += dz * h[t - 1]  # the share of this step
        dh = dz * w  # on to the step before
    return dw


def by_backward(w, x):
    w = Tensor(np.array(w), requires_grad=True)
    h = w * 0
    for x_t in x:
        h = (w * h + float(x_t)).tanh()
    h.backward()
    return w.grad


def states(w, x):
    h = [0.0]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + x_t))
    return np.array(h)


def wrong_bptt(w, x, slope=True, factor=True, late=False, handed=True):
    h = states(w, x)
    dw, dh = 0.0, 1.0
    for t in range(len(x), 0, -1):
        dz = dh * (1 - h[t] ** 2) if slope else dh
        dw += dz * h[t if late else t - 1]
        dh = 1.0 if not handed else dz * w if factor else dz
    return dw


def last_share(w, x):
    h = states(w, x)
    return (1 - h[-1] ** 2) * h[-2]


# ---- 2. The gradient of the cell ---------------------------------------------------------------------------------


def cell_gradient(dh, dc_next, o, f_next, c):
    return dh * o * (1 - np.tanh(c) ** 2) + dc_next * f_next


def cell_by_backward(dh, dc_next, o, f_next, c):
    c = Tensor(c, requires_grad=True)
    h, c_next = c.tanh() * o, c * f_next
    (h * dh + c_next * dc_next).sum().backward()
    return c.grad


# ---- 3. One matrix, many steps -----------------------------------------------------------------------------------


def shared_weights(h, dz):
    return sum(np.outer(dz[t], h[t]) for t in range(len(dz)))


def shared_by_backward(h, dz):
    U = Tensor(np.zeros((dz.shape[1], h.shape[1])), requires_grad=True)
    ((Tensor(h[:-1]) @ U.T) * dz).sum().backward()
    return U.grad


# ---- 4. How much is forgotten ------------------------------------------------------------------------------------


def forget_bias(steps):
    f = 0.5 ** (1 / steps)
    return np.log(f / (1 - f))


EXERCISES = (
    Exercise(
        name="through-time",
        task="A network of one unit: $h_t = \\tanh(w\\,h_{t-1} + x_t)$ with $h_0 = 0$, and $L = h_T$ is the last state."
        " Write `bptt(w, x)`, which returns $dL/dw$. `w` is a number, `x` an array $(T,)$.",
        solution=bptt,
        why=r"Forward, all states are kept. Back from $dL/dh_T = 1$: through tanh, $dz_t = dh_t\,(1 - h_t^2)$. The "
        "weight was used in this step with $h_{t-1}$, so $dz_t h_{t-1}$ is its share, and the shares of all "
        r"steps are added. The state before gets $dh_{t-1} = dz_t\,w$.",
        truth=by_backward,
        case=lambda rng: (float(rng.uniform(0.6, 1.4)), rng.normal(size=rng.integers(3, 8))),
        mistakes=(
            Mistake(last_share, "Only the last step has its share in the sum. The weight was used at every step."),
            Mistake(
                lambda w, x: wrong_bptt(w, x, slope=False),
                "The slope of tanh, 1 - h_t^2, is missing on the way back.",
            ),
            Mistake(
                lambda w, x: wrong_bptt(w, x, factor=False),
                "From one step to the one before, the gradient is multiplied by w too.",
            ),
            Mistake(
                lambda w, x: wrong_bptt(w, x, late=True),
                "The share of step t is dL/dz_t times the state *before* it, h_(t-1), which w was multiplied with.",
            ),
            Mistake(
                lambda w, x: wrong_bptt(w, x, handed=False),
                "Every step begins with dL/dh = 1. Only the last one does; the others get what the next one hands on.",
            ),
            Mistake(
                lambda w, x: np.prod([w * (1 - h**2) for h in states(w, x)[1:]]),
                "That is the gradient for the start, dL/dh_0. The weight has a share at every step.",
            ),
        ),
        hints=(
            "Go forward first, and keep all the states in a list. Which of them does step t need on the way back?",
            "Start with dh = 1 at the last step. At each step: dz = dh times the slope of tanh.",
            "Each step adds dz * h[t - 1] to dw, and hands dz * w on to the step before.",
        ),
    ),
    Exercise(
        name="constant-error-carousel",
        task="In an LSTM $c_{t+1} = f_{t+1} c_t + i_{t+1} g_{t+1}$ and $h_t = o_t \\tanh(c_t)$. Write "
        "`cell_gradient(dh, dc_next, o, f_next, c)`, which returns $dL/dc_t$ from $dL/dh_t$, $dL/dc_{t+1}$, the "
        "gates $o_t$ and $f_{t+1}$, and $c_t$. All arrays have the same shape.",
        solution=cell_gradient,
        why=r"$c_t$ appears twice: in $h_t = o_t \tanh(c_t)$, which gives $dh\,o_t\,(1 - \tanh^2 c_t)$, and in "
        r"$c_{t+1} = f_{t+1} c_t + \ldots$, which gives $dc_{t+1} f_{t+1}$. The two are added. Along the "
        "second way there is no matrix and no tanh: that is the carousel.",
        truth=cell_by_backward,
        case=lambda rng: (
            rng.normal(size=(3, 4)),
            rng.normal(size=(3, 4)),
            rng.uniform(size=(3, 4)),
            rng.uniform(size=(3, 4)),
            rng.normal(size=(3, 4)),
        ),
        mistakes=(
            Mistake(
                lambda dh, dc_next, o, f_next, c: dh * o * (1 - np.tanh(c) ** 2),
                "This is the way through h_t alone. The cell is also handed on to the next step.",
            ),
            Mistake(
                lambda dh, dc_next, o, f_next, c: dc_next * f_next,
                "This is the way through the next cell alone. The cell is also seen through h_t.",
            ),
            Mistake(
                lambda dh, dc_next, o, f_next, c: dh * o * (1 - np.tanh(c) ** 2) + dc_next,
                "The next step forgets a part of the cell: its gradient comes back times the forget gate. "
                "(Without it you have the LSTM of 1997.)",
            ),
            Mistake(
                lambda dh, dc_next, o, f_next, c: dh * o + dc_next * f_next,
                "The slope of tanh is missing on the way through h_t.",
            ),
            Mistake(
                lambda dh, dc_next, o, f_next, c: dh * o * (1 - c**2) + dc_next * f_next,
                "The slope of tanh at c is 1 - tanh(c)^2, not 1 - c^2.",
            ),
            Mistake(
                lambda dh, dc_next, o, f_next, c: (dh * o + dc_next * f_next) * (1 - np.tanh(c) ** 2),
                "The slope of tanh belongs to the way through h_t alone: from cell to cell there is no tanh.",
            ),
            Mistake(
                lambda dh, dc_next, o, f_next, c: dh * (1 - np.tanh(c) ** 2) + dc_next * f_next,
                "The output gate is missing on the way through h_t.",
            ),
        ),
        hints=(
            "In how many places does c_t appear in the two formulas? The gradient is a sum over them.",
            "Through h_t: dh times o times the slope of tanh at c.",
            "Through the next cell: dc_next times the forget gate of the next step.",
        ),
    ),
    Exercise(
        name="shared-weights",
        task="The recurrent matrix $U$ is used at every step: $z_t = W x_t + U h_{t-1} + b$. Write "
        "`shared_weights(h, dz)`, which returns $dL/dU$. `h` holds the states $h_0 \\dots h_T$, an array $(T + 1, H)$; "
        "`dz` the gradients $dL/dz_1 \\dots dL/dz_T$, an array $(T, H)$: `dz[t]` belongs to the step from `h[t]` to "
        "`h[t + 1]`.",
        solution=shared_weights,
        why="A single step is a dense layer: its share is the outer product of $dz$ and the state that went in, "
        "$h_{t-1}$. The same $U$ is used at every step, so the shares are added.",
        truth=shared_by_backward,
        case=lambda rng: (lambda T: (rng.normal(size=(T + 1, 4)), rng.normal(size=(T, 4))))(rng.integers(3, 8)),
        mistakes=(
            Mistake(
                lambda h, dz: np.outer(dz[-1], h[-2]),
                "This is the share of the last step alone. The gradient is the sum over all of them.",
            ),
            Mistake(
                lambda h, dz: dz.T @ h[:-1] / len(dz),
                "It is the sum over the steps, not their mean: every use of U changes the loss.",
            ),
            Mistake(
                lambda h, dz: dz.T @ h[1:],
                "U is multiplied with the state *before* the step, h[t], not with the one after it.",
            ),
            Mistake(lambda h, dz: h[:-1].T @ dz, "It is transposed: U is (to, from), so dz comes first."),
            Mistake(
                lambda h, dz: dz[::-1].T @ h[:-1], "The steps are paired the wrong way round: dz[t] belongs to h[t]."
            ),
        ),
        hints=(
            "For a single step it is the same as in a dense layer: what comes out of dz[t] and h[t]?",
            "Each step adds np.outer(dz[t], h[t]).",
        ),
    ),
    Exercise(
        name="forget-bias",
        task="While nothing comes in, the forget gate of an LSTM is $f = \\sigma(b)$, and after $T$ steps $f^T$ is "
        "left of the cell. Write `forget_bias(steps)`: the bias $b$ with which half of it is left after so many steps.",
        solution=forget_bias,
        why=r"Half is left after $T$ steps if $f^T = \frac12$, so $f = 2^{-1/T}$. The sigmoid is turned back by $b "
        r"= \ln\frac{f}{1 - f}$.",
        case=lambda rng: (int(rng.integers(5, 200)),),
        mistakes=(
            Mistake(
                lambda steps: 0.5 ** (1 / steps),
                "This is the forget gate f. The bias is what the sigmoid makes it from.",
            ),
            Mistake(
                lambda steps: np.log(steps - 1),
                "With this bias f = 1 - 1/T, of which 1/e = 37 % is left after T steps. (A good choice too: Tallec and "
                "Ollivier 2018.)",
            ),
            Mistake(
                lambda steps: 0.0,
                "With b = 0 the gate is 1/2, so that half is gone after one step.",
            ),
            Mistake(
                lambda steps: np.log((1 - 0.5 ** (1 / steps)) / 0.5 ** (1 / steps)),
                "The sign is wrong: this gate forgets as much as it should keep.",
            ),
        ),
        hints=(
            "First f: which number gives 1/2 when it is multiplied with itself T times?",
            "f = 0.5 ** (1 / steps). Now solve f = 1 / (1 + exp(-b)) for b.",
        ),
    ),
    Exercise(
        name="window-of-sixteen",
        task="The output at every step is to be the input of 12 steps before. The sequence is long, and is cut into "
        "chunks of 16 steps: BPTT(16; 16). At which share of the steps does the error get back to the input that it is "
        "about? Assign the number (0 to 1) to `share`.",
        solution=0.25,
        why="Number the steps of a chunk from 0 to 15. Step 12 is about the input of step 0, in its own chunk; so "
        "are 13, 14 and 15 about the inputs 1 to 3. All others look for theirs in the chunk before, where no "
        "error gets to: 4 of 16.",
        mistakes=(
            Mistake(1.0, "It would be all of them with a period of 1. A chunk ends where it ends, though."),
            Mistake(0.75, "These are the steps whose input lies in the chunk before."),
            Mistake(0.0, "Some inputs lie in the same chunk: the window is longer than the lag."),
            Mistake(
                5 / 16, "Nearly: the step after 12 others in a chunk is the first whose input is in it. Count again."
            ),
        ),
        hints=(
            "Number the steps of a chunk 0 to 15. Where is the input that step 3 is about? And that of step 13?",
            "Steps 12, 13, 14 and 15 find their input in their own chunk.",
        ),
    ),
)
