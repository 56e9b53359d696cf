"""Exercises of notebook 02: the backward pass, term by term. One row per sample, W is (outputs, inputs)."""

import numpy as np

from nbprop.derivatives import grad

from . import passes
from .exercise import Exercise, Mistake


def output_delta(y_hat, y):
    return 2 * (y_hat - y) / y.size


def weight_gradient(x, dz):
    return dz.T @ x, dz.sum(axis=0)


def hidden_delta(dz2, W2, a1):
    return (dz2 @ W2) * (1 - a1**2)


def backward(x, y, W1, b1, W2, b2):
    a1 = np.tanh(x @ W1.T + b1)
    dz2 = 2 * (a1 @ W2.T + b2 - y) / len(x)
    dz1 = (dz2 @ W2) * (1 - a1**2)
    return dz1.T @ x, dz1.sum(axis=0), dz2.T @ a1, dz2.sum(axis=0)


def train_step(x, y, W1, b1, W2, b2, lr):
    a1 = np.tanh(x @ W1.T + b1)
    dz2 = 2 * (a1 @ W2.T + b2 - y) / len(x)
    dz1 = (dz2 @ W2) * (1 - a1**2)
    W1 = W1 - lr * dz1.T @ x
    b1 = b1 - lr * dz1.sum(axis=0)
    W2 = W2 - lr * dz2.T @ a1
    b2 = b2 - lr * dz2.sum(axis=0)
    return W1, b1, W2, b2


def shared_gradient(x, a1, dz1, dz2):
    dW = dz2.T @ a1
    dW += dz1.T @ x
    return dW


def differences(f, w, eps):
    slopes = np.zeros_like(w)
    for i in range(len(w)):
        up, down = w.copy(), w.copy()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up) - f(down)) / (2 * eps)
    return slopes


EXERCISES = (
    Exercise(
        name="with-a-pencil",
        task="A 2-2-1 network with ReLU, $a = \\max(z, 0)$, and no biases: $W_1 = \\begin{pmatrix} 1 & 1 \\\\ 1 & -1 "
        "\\end{pmatrix}$, $W_2 = \\begin{pmatrix} 2 & -1 \\end{pmatrix}$. For the sample $x = (1, 2)$, $y = 4$ and the "
        "loss $(\\hat y - y)^2$: what is $\\partial L/\\partial W_1$? Give it as a list of two rows. All numbers are "
        "whole, paper is enough.",
        solution=np.array([[8.0, 16.0], [0.0, 0.0]]),
        why=r"Forward: $z_1 = (3, -1)$, $a_1 = (3, 0)$, $\hat y = 6$. Back: $\delta_2 = 2(6 - 4) = 4$, and through "
        r"the weights $W_2^\top \delta_2 = (8, -4)$. ReLU has the slope 1 at 3 and 0 at -1, so $\delta_1 = (8, "
        r"0)$. Each row of the answer is $\delta_1$ of one unit times $x = (1, 2)$.",
        mistakes=(
            Mistake(
                [[8, 16], [-4, -8]],
                "The slope of the activation is forgotten: the second hidden unit has z = -1, there ReLU has slope 0, "
                "and nothing gets through it.",
            ),
            Mistake([[4, 8], [0, 0]], "A factor 2 is missing: the derivative of (ŷ - y)² is 2 (ŷ - y)."),
            Mistake([[8, 0], [16, 0]], "It is transposed: row i belongs to hidden unit i, column j to input j."),
            Mistake(
                [[4, 8], [4, 8]],
                "That is δ₂ for both units: on its way back through W₂ it is multiplied by the weight, then by the "
                "slope.",
            ),
            Mistake(
                [[24, 0], [0, 0]],
                "That is δ₁ times a₁: the gradient of W₁ is δ₁ times what came *into* this layer, x.",
            ),
        ),
        hints=(
            "Forward first: z₁ = (3, -1), a₁ = (3, 0), ŷ = 6.",
            "δ₂ = 2 (6 - 4) = 4. One layer back: W₂ᵀ δ₂ = (8, -4). Then the slopes of ReLU at z₁.",
            "δ₁ = (8, 0). Row i of the answer is δ₁ of unit i times x.",
        ),
    ),
    Exercise(
        name="output-delta",
        task="Write `output_delta(y_hat, y)`: $\\delta = \\partial L/\\partial \\hat y$ of the mean squared error "
        "$L = \\frac{1}{n}\\sum_i (\\hat y_i - y_i)^2$. Both arrays are (n, 1), so is the answer.",
        solution=output_delta,
        why=r"Only one term of the sum knows $\hat y_i$: $\frac1n(\hat y_i - y_i)^2$. Its derivative is "
        r"$\frac2n(\hat y_i - y_i)$, for each sample by itself.",
        case=lambda rng: tuple(rng.normal(size=(2, rng.integers(3, 8), 1))),
        truth=lambda y_hat, y: grad(lambda p: ((p - y) ** 2).mean())(y_hat),
        mistakes=(
            Mistake(
                lambda y_hat, y: 2 * (y_hat - y),
                "The factor 1/n is missing: the loss is the mean over n samples, so each has a share of 1/n in it.",
            ),
            Mistake(
                lambda y_hat, y: y_hat - y,
                "The factor 2/n is missing: 2 comes from the square, 1/n from the mean.",
            ),
            Mistake(
                lambda y_hat, y: 2 * (y - y_hat) / len(y),
                "The sign is wrong: where ŷ is too large, a larger ŷ makes the loss larger, so δ is positive.",
            ),
            Mistake(lambda y_hat, y: (y_hat - y) / len(y), "The factor 2 is missing: the derivative of e² is 2e."),
            Mistake(
                lambda y_hat, y: 2 * (y_hat - y).mean(keepdims=True),
                "You have taken the mean over the batch: each sample has a δ of its own.",
            ),
            Mistake(lambda y_hat, y: (y_hat - y) ** 2 / len(y), "That is the loss of each sample, not its derivative."),
        ),
        hints=(
            "How does the loss change when only the output of sample i changes?",
            "Only one term of the sum knows ŷᵢ. Its derivative, times the 1/n in front.",
        ),
    ),
    Exercise(
        name="weight-gradient",
        task="Write `weight_gradient(x, dz)` for a layer $Z = XW^\\top + b$. `x` (n, inputs) is what came in, `dz` "
        "(n, outputs) is $\\delta$. Return `dW` (outputs, inputs) and `db` (outputs,), for the whole batch.",
        solution=weight_gradient,
        why=r"For one sample $\partial L/\partial W_{oi} = \delta_o x_i$, an outer product. The loss of the batch "
        r"depends on $W$ through every sample, so the products are added, $\sum_n \delta_{no} x_{ni}$, which "
        r"is the matrix product $\delta^\top X$. The bias is a weight whose input is always 1: the sum of "
        r"$\delta$ over the samples.",
        case=lambda rng: (lambda n: (rng.normal(size=(n, 3)), rng.normal(size=(n, 2))))(rng.integers(4, 8)),
        truth=passes.true_weight_gradient,
        outputs=("dW", "db"),
        mistakes=(
            Mistake(
                lambda x, dz: (x.T @ dz, dz.sum(axis=1)),
                "It is summed or turned the wrong way: W is (outputs, inputs), b is (outputs,), and the sum goes over "
                "the samples, axis 0.",
            ),
            Mistake(
                lambda x, dz: (dz.T @ x / len(x), dz.mean(axis=0)),
                "There is a factor 1/n too many: the mean of the loss is in δ already.",
            ),
            Mistake(
                lambda x, dz: (np.outer(dz[0], x[0]), dz[0]),
                "The sum over the batch is missing: this is the first sample alone.",
            ),
            Mistake(
                lambda x, dz: (np.outer(dz.sum(axis=0), x.sum(axis=0)), dz.sum()),
                "Summed too early: first the product within each sample, then the sum over the samples; and each unit "
                "has a bias of its own.",
            ),
            Mistake(
                lambda x, dz: (dz[:, :, None] * x[:, None, :], dz),
                "The sum over the batch is missing: this is still one gradient for each sample.",
            ),
        ),
        hints=(
            "For one sample dW is the outer product of δ and x. What do n samples do together?",
            "A matrix product sums over the inner axis. Which product of the two has the samples inside and the shape "
            "(outputs, inputs)?",
            "dW = dz.T @ x. The bias is a weight whose input is always 1.",
        ),
    ),
    Exercise(
        name="delta-recursion",
        task="Write `hidden_delta(dz2, W2, a1)`: one layer back. `dz2` (n, outputs) is $\\delta_2$, `W2` (outputs, "
        "hidden) the weights in between, `a1` (n, hidden) $= \\tanh(z_1)$. Return $\\delta_1$ (n, hidden).",
        solution=hidden_delta,
        why=r"Forward, $Z_2 = A_1 W_2^\top$. Each $a_1$ goes into all units of the next layer, so its derivative "
        r"is a sum over them: $\partial L/\partial A_1 = \delta_2 W_2$. From $a_1$ back to $z_1$ it is one "
        r"factor for each number, $\tanh'(z_1) = 1 - a_1^2$.",
        case=lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), np.tanh(rng.normal(size=(4, 3)))),
        truth=passes.true_hidden_delta,
        mistakes=(
            Mistake(
                lambda dz2, W2, a1: dz2 @ W2,
                "f'(z) is forgotten: that is dL/da. The step from a back to z multiplies by the slope of tanh.",
            ),
            Mistake(
                lambda dz2, W2, a1: (dz2 @ W2.T) * (1 - a1**2),
                "W is the wrong way round. Forward, z₂ = a₁ W₂ᵀ; backward it is the other one, δ₂ W₂ (in column form: "
                "W₂ᵀ δ₂). The shapes hide it here, because W₂ is square.",
            ),
            Mistake(
                lambda dz2, W2, a1: (dz2 @ W2) * (1 - np.tanh(a1) ** 2),
                "The slope is taken in the wrong place: a₁ is tanh(z₁) already, so tanh' is 1 - a₁².",
            ),
            Mistake(lambda dz2, W2, a1: (dz2 @ W2) * (1 - a1), "The slope of tanh is 1 - a², with a square."),
            Mistake(
                lambda dz2, W2, a1: (dz2 @ W2) * a1 * (1 - a1),
                "a (1 - a) is the slope of the sigmoid; tanh has 1 - a².",
            ),
            Mistake(
                lambda dz2, W2, a1: (dz2 * (1 - a1**2)) @ W2,
                "The order is wrong: first through the weights, then times the slope at the *hidden* layer.",
            ),
        ),
        hints=(
            "Two steps: from z₂ back to a₁, then from a₁ back to z₁.",
            "dL/da₁ has a part from every unit that a₁ goes into: dz2 @ W2.",
            "Then times tanh'(z₁), which is 1 - a1**2.",
        ),
    ),
    Exercise(
        name="backward-pass",
        task="All together: write `backward(x, y, W1, b1, W2, b2)` for the network $\\hat y = \\tanh(XW_1^\\top + b_1) "
        "W_2^\\top + b_2$ and the mean squared error. `x` (n, 2), `y` (n, 1). Return `dW1, db1, dW2, db2`, each of the "
        "shape of its parameter. The number of hidden units may be any.",
        solution=backward,
        why=r"The forward pass comes first, because the slopes need $a_1$ and the error needs $\hat y$. Then "
        r"$\delta_2 = \frac2n(\hat y - y)$ and $\delta_1 = (\delta_2 W_2) \odot (1 - a_1^2)$. For each layer "
        r"the weights get $\delta^\top$ times what came in, $x$ or $a_1$, and the biases the sum of $\delta$ "
        "over the samples.",
        case=passes.network,
        truth=passes.true_backward,
        outputs=("dW1", "db1", "dW2", "db2"),
        mistakes=(
            Mistake(
                passes.wrong_pass(slope=lambda z1, a1: np.ones_like(a1)),
                "f'(z) is forgotten: δ₁ needs the slope of tanh, 1 - a₁².",
            ),
            Mistake(passes.wrong_pass(scale=len), "The factor 1/n of the mean is missing."),
            Mistake(
                lambda *arguments: tuple(each / len(arguments[0]) for each in backward(*arguments)),
                "There is a factor 1/n too many: it belongs into δ₂, once.",
            ),
            Mistake(passes.wrong_pass(scale=lambda x: 0.5), "The factor 2 is missing: the derivative of e² is 2e."),
            Mistake(passes.wrong_pass(scale=lambda x: -1.0), "The sign is wrong: δ₂ is 2 (ŷ - y)/n, not 2 (y - ŷ)/n."),
            Mistake(
                passes.wrong_pass(into_first=lambda dz1, dz2: dz2),
                "That is the delta of the wrong layer: W₁ and b₁ belong to δ₁.",
            ),
            Mistake(passes.wrong_pass(into_second=lambda z1, a1: z1), "What goes into the second layer is a₁, not z₁."),
            Mistake(
                passes.wrong_pass(slope=lambda z1, a1: 1 - np.tanh(a1) ** 2),
                "The slope of tanh is taken in the wrong place: at z₁ it is 1 - a₁².",
            ),
            Mistake(
                passes.wrong_pass(total=lambda dz: dz.sum(axis=1)), "The bias is summed over the wrong axis: axis 0."
            ),
            Mistake(
                lambda x, y, *parameters: tuple(each / len(x) for each in backward(x[:1], y[:1], *parameters)),
                "The sum over the batch is missing: this is the first sample alone.",
            ),
        ),
        hints=(
            "Begin with the forward pass: you need z1, a1 and y_hat.",
            "Then dz2 from the error, dz1 from dz2, and for each layer the product of its dz and what came in.",
            "You have written three of the four lines in the exercises before.",
        ),
    ),
    Exercise(
        name="train-step",
        task="Write `train_step(x, y, W1, b1, W2, b2, lr)`: forward, error, backward and update of the same network. "
        "Return the *new* `W1, b1, W2, b2` after one step of gradient descent.",
        solution=train_step,
        why=r"First all four gradients with the *old* weights, since $\delta_1$ needs the $W_2$ that the forward "
        r"pass has used. Only then each parameter takes its step downhill, $w \leftarrow w - \eta\,\partial "
        r"L/\partial w$.",
        case=lambda rng: (*passes.network(rng), rng.uniform(0.1, 0.5)),
        truth=passes.true_train_step,
        outputs=("W1", "b1", "W2", "b2"),
        mistakes=(
            Mistake(
                lambda *arguments: train_step(*arguments[:6], lr=-arguments[6]),
                "This goes uphill: the gradient points to a larger loss, so it is subtracted.",
            ),
            Mistake(
                passes.too_early,
                "W₂ was updated before δ₁ was computed with it: the whole backward pass belongs to the *old* weights.",
            ),
            Mistake(lambda *arguments: train_step(*arguments[:6], lr=1.0), "The learning rate is forgotten."),
            Mistake(lambda *arguments: backward(*arguments[:6]), "That is the gradient, not the new parameter."),
        ),
        hints=(
            "Your backward pass, then four subtractions. In which order does not matter, if ...",
            "... all four gradients are known before the first parameter changes.",
        ),
    ),
    Exercise(
        name="used-twice",
        task="The *same* matrix $W$ stands in two layers: $Z_1 = XW^\\top$, $A_1 = f(Z_1)$, $Z_2 = A_1W^\\top$. Write "
        "`shared_gradient(x, a1, dz1, dz2)`, the gradient of $W$, from $\\delta_1$ and $\\delta_2$. All arrays are "
        "(n, k), the answer is (k, k).",
        solution=shared_gradient,
        why=r"Imagine two matrices that happen to be equal: the first has the gradient $\delta_1^\top X$, the "
        r"second $\delta_2^\top A_1$. A change of $W$ changes both at once, and to first order the two effects "
        "add up.",
        case=lambda rng: tuple(rng.normal(size=(4, rng.integers(4, 8), 3))),
        truth=passes.true_shared_gradient,
        mistakes=(
            Mistake(
                lambda x, a1, dz1, dz2: dz1.T @ x,
                "`=` instead of `+=`: the share of the first layer has overwritten that of the second.",
            ),
            Mistake(
                lambda x, a1, dz1, dz2: dz2.T @ a1,
                "The share of the first layer is missing: W is used twice, so both shares are added.",
            ),
            Mistake(
                lambda x, a1, dz1, dz2: dz2.T @ x + dz1.T @ a1,
                "Each delta goes with the input of its *own* layer: δ₁ with x, δ₂ with a₁.",
            ),
            Mistake(lambda x, a1, dz1, dz2: (dz2.T @ a1 + dz1.T @ x) / 2, "The shares are added, not averaged."),
            Mistake(
                lambda x, a1, dz1, dz2: (dz2.T @ a1) * (dz1.T @ x),
                "The shares are added: only along *one* path are derivatives multiplied.",
            ),
            Mistake(
                lambda x, a1, dz1, dz2: dz2.T @ a1 - dz1.T @ x, "The shares are added: a change of W moves both layers."
            ),
        ),
        hints=(
            "Imagine two matrices that happen to be equal. What is the gradient of each?",
            "A change of W changes both. By the chain rule the two effects add up.",
        ),
    ),
    Exercise(
        name="central-differences",
        task="Write `differences(f, w, eps)`: the gradient of `f` at `w` (k,) by central differences, "
        "$\\frac{f(w + \\varepsilon e_i) - f(w - \\varepsilon e_i)}{2\\varepsilon}$ for every $i$ ($e_i$: 1 at place "
        "i, else 0). `f` takes such an array and returns a number. The answer is (k,).",
        solution=differences,
        why=r"A slope is how much $f$ changes per change of one entry. One entry is moved by $\varepsilon$ to "
        r"either side, all others stay, and the difference is divided by the distance $2\varepsilon$. On both "
        r"sides the errors of order $\varepsilon$ cancel, and what is left is of order $\varepsilon^2$. Copies "
        "make sure that every entry is back before the next one moves.",
        case=lambda rng: (passes.smooth, rng.normal(size=rng.integers(3, 7)), rng.uniform(0.5e-4, 2e-4)),
        truth=passes.true_slopes,
        edges=((passes.cubes, np.array([1.0, -2.0]), 0.5),),
        mistakes=(
            Mistake(
                lambda f, w, eps: np.array([(f(w + eps * e) - f(w)) / eps for e in np.eye(len(w))]),
                "These are one-sided differences, with an error that falls with ε only; go to both sides.",
            ),
            Mistake(
                lambda f, w, eps: np.array([(f(w) - f(w - eps * e)) / eps for e in np.eye(len(w))]),
                "These are differences to the left only, with an error that falls with ε only; go to both sides.",
            ),
            Mistake(lambda f, w, eps: 2 * differences(f, w, eps), "The two points lie 2ε apart, so divide by 2ε."),
            Mistake(
                lambda f, w, eps: np.full_like(w, (f(w + eps) - f(w - eps)) / (2 * eps)),
                "All entries of w were changed at once: change one, measure, put it back, then the next.",
            ),
            Mistake(passes.not_put_back, "w[i] was not put back before the next one was changed: work on a copy of w."),
            Mistake(lambda f, w, eps: -differences(f, w, eps), "The sign is wrong: f(w + ε) minus f(w - ε)."),
            Mistake(
                lambda f, w, eps: differences(f, w, eps) * 2 * eps,
                "That is how much f changes from the one point to the other: divide by their distance, 2ε.",
            ),
            Mistake(lambda f, w, eps: differences(f, w, 1e-5), "`eps` is an argument: yours is always the same."),
        ),
        hints=(
            "A loop over i. What is f when only w[i] is a little larger? A little smaller?",
            "Make copies: up = w.copy(); up[i] += eps. The same for down.",
        ),
        tolerance=1e-5,
    ),
)
