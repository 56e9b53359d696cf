"""What the trainer says of the attention in its model."""

import numpy as np
import pytest

import nbprop as nb


class Rows(nb.nn.Module):
    """Reads a picture of 8 x 8 pixels as a sequence of its rows."""

    def __init__(self):
        rng = np.random.default_rng(0)
        blocks = [nb.nn.TransformerBlock(8, heads, causal=True, dropout=0.3, rng=rng) for heads in (2, 4)]
        self.blocks = nb.nn.Sequential(*blocks)
        self.output = nb.nn.Linear(64, 10, rng=rng)

    def forward(self, x):
        x = self.blocks(x.reshape(-1, 8, 8))
        return self.output(x.reshape(-1, 64))


@pytest.fixture
def trainer():
    return nb.Trainer(Rows(), nb.data.digits(), lr=0.01, seed=0)


def test_the_weights_are_those_of_a_pass_without_dropout(trainer):
    trainer.fit(steps=3, bar=False)
    X = trainer.data.X_val[5]
    before = trainer.model.theta.copy()
    weights = trainer.attention(X)
    assert [each.shape for each in weights] == [(2, 8, 8), (4, 8, 8)]
    x = trainer.model.blocks[0].norm1(X.reshape(1, 8, 8)).data
    attention = trainer.model.blocks[0].self_attn
    attention(x)
    np.testing.assert_allclose(weights[0], attention.attention_weights[0], rtol=1e-5)
    np.testing.assert_allclose(weights[1].sum(axis=-1), 1, rtol=1e-5)
    assert (weights[1][:, *np.triu_indices(8, 1)] == 0).all()
    assert trainer.model.training and np.array_equal(trainer.model.theta, before)


def test_looking_changes_nothing(trainer):
    other = trainer.branch()
    for each in (trainer, other):
        for _ in range(3):
            each.fit(steps=4, bar=False)
            if each is other:
                first = each.attention(each.data.X_val[0])[0]
                kept = first.copy()
    assert np.array_equal(trainer.model.theta, other.model.theta)
    other.fit(steps=1, bar=False)
    other.attention(other.data.X_val[1])
    assert np.array_equal(first, kept), "weights that were given out are not written to again"


def test_a_model_without_attention_has_no_weights():
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.xor(samples=20))
    assert trainer.attention(trainer.data.X_val[0]) == []
