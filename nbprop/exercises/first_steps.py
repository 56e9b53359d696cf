"""Exercises of notebook 00: a derivative, a loss, and two runs that are stuck."""

import numpy as np

from nbprop import data, nn
from nbprop.derivatives import elementwise_grad
from nbprop.training import Diverged, Trainer

from .exercise import Exercise, Mistake

STEPS, ENOUGH = 500, 0.9


def derivative(w):
    t = np.tanh(w)
    return 2 * t * (1 - t**2)


def still_stuck(lr):
    """None if the small network gets the spirals at this learning rate; else what happens instead."""
    try:
        trainer = Trainer(nn.mlp([2, 16, 16, 1]), data.spirals(noise=0.1, seed=0), lr=lr)
        trainer.fit(steps=STEPS, bar=False)
    except Diverged:
        return "The run diverges: steps as long as these jump out of every valley."
    except (TypeError, ValueError) as error:
        return f"{error}."
    accuracy = trainer.history["val_accuracy"][-1]
    if accuracy > ENOUGH:
        return None
    losses = trainer.history["train_loss"]
    way = "jumps up and down: shorter" if losses.max() > 1.1 * losses[0] else "falls too slowly: longer"
    return f"After {STEPS} steps {accuracy:.0%} are right, {ENOUGH:.0%} are asked for. The loss {way} steps would help."


def still_vanishing(init):
    """None if a tenth of dL/dz arrives at the first of thirty ReLU layers; else how much."""
    if not isinstance(init, str):
        return f'Expected the name of an initializer, such as "xavier"; got {init!r}.'
    try:
        model = nn.mlp([64, *[64] * 30, 10], activation="relu", init=init, seed=0)
    except (TypeError, ValueError) as error:
        return f"{error}."
    trainer = Trainer(model, data.digits(), batch_size=64)
    trainer.fit(steps=1, bar=False)
    dz = trainer.probe()["dz"]
    if not dz[29] or not dz[0]:
        return "Nothing at all comes back: with these weights all layers behind the first compute nothing but 0."
    share = dz[0] / dz[29]
    return None if share > 0.1 else f"Of dL/dz {share:.0e} arrives at the first layer; a tenth is asked for."


EXERCISES = (
    Exercise(
        name="tanh-squared",
        task=r"What is the derivative of $f(w) = \tanh(w)^2$? Write `derivative(w)` for an array of any shape. "
        r"(The derivative of $\tanh(w)$ is $1 - \tanh(w)^2$.)",
        solution=derivative,
        case=lambda rng: (rng.normal(size=5),),
        truth=elementwise_grad(lambda w: w.tanh() ** 2),
        mistakes=(
            Mistake(
                lambda w: 2 * np.tanh(w), "The inner derivative is missing: tanh(w) changes with w by 1 - tanh(w)²."
            ),
            Mistake(lambda w: 1 - np.tanh(w) ** 2, "The outer derivative is missing: that of a square."),
            Mistake(
                lambda w: 2 * w * (1 - np.tanh(w) ** 2),
                "The square is of tanh(w): its derivative is 2 tanh(w), not 2w.",
            ),
            Mistake(lambda w: np.tanh(w) * (1 - np.tanh(w) ** 2), "A factor 2 is missing: the derivative of t² is 2t."),
        ),
        why="A square of something, $f = t^2$ with $t = \\tanh(w)$: the chain rule multiplies $df/dt = 2t$ by "
        "$dt/dw = 1 - t^2$.",
        hints=(
            "It is a square of something. What is the derivative of t²?",
            "2 tanh(w), times the derivative of tanh(w).",
        ),
    ),
    Exercise(
        name="cross-entropy-by-hand",
        task="A network gives three classes the probabilities 0.7, 0.2 and 0.1; the right one is the second. How large "
        "is its cross-entropy? Give a number; three digits are enough.",
        solution=float(-np.log(0.2)),
        tolerance=5e-3,
        mistakes=(
            Mistake(0.2, "That is the probability of the right class. The loss is minus its logarithm."),
            Mistake(float(np.log(0.2)), "The logarithm of 0.2 is negative; the loss is *minus* the logarithm."),
            Mistake(float(-np.log(0.7)), "That is for the likeliest class. The right one is the second."),
            Mistake(float(-np.log2(0.2)), "That is with the logarithm to base 2. Here it is the natural one."),
            Mistake(float(-np.log10(0.2)), "That is with the logarithm to base 10. Here it is the natural one."),
            Mistake(0.8, "That is how much the right class lacks. The loss is minus the logarithm of what it has."),
        ),
        why="Cross-entropy looks at the probability of the right class alone, 0.2, and takes minus its natural "
        "logarithm.",
        hints=("How large is the probability of the right class?", "-ln 0.2, in Python `-np.log(0.2)`."),
    ),
    Exercise(
        name="stuck",
        task=f"With `lr = 0.0001` a network of 2, 16, 16 and 1 units does not get the spirals within {STEPS} steps of "
        f"Adam. Find a learning rate with which it gets more than {ENOUGH:.0%} of the validation points right.",
        solution=0.01,
        judge=still_stuck,
        mistakes=(
            Mistake(0.0001, "The loss falls too slowly: longer steps would help."),
            Mistake(3.0, "The loss jumps up and down: shorter steps would help."),
            Mistake(-0.01, "lr must be"),
            Mistake("0.01", "lr must be"),
        ),
        why="With `0.0001` the loss falls so slowly that 500 steps are far too few; a hundred times as much is about "
        "right for Adam on a network this small. From about 1 on the steps are so long that the loss jumps about.",
        hints=(
            "Is the loss falling too slowly, or jumping up and down? `0.0001` is the length of a step.",
            "Try ten times, then a hundred times as much.",
        ),
    ),
    Exercise(
        name="thirty-relu-layers",
        task=r"Of thirty ReLU layers with `xavier` weights the first gets next to nothing of $\partial L/\partial z$. "
        'Name an initializer, as a string such as `"xavier"`, with which at least a tenth arrives there. (All names '
        "are in the playground, under **Initializer**.)",
        solution="he",
        judge=still_vanishing,
        mistakes=(
            Mistake("xavier", "arrives at the first layer; a tenth is asked for."),
            Mistake("standard", "arrives at the first layer; a tenth is asked for."),
            Mistake("zeros", "Nothing at all comes back"),
            Mistake("her", "unknown init"),
        ),
        why="ReLU sets half of the values to 0, and with them goes half of the second moment in each layer. "
        "`he` draws weights of twice the variance, which makes up for it: $30$ factors near 1.",
        hints=(
            "ReLU sets half of all values to 0. Which weights make up for that?",
            "It is of 2015, by He and others.",
        ),
    ),
)
