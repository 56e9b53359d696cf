"""What y is taken for: said in the repr, one task for each kind, the same whatever its shape or type."""

import re

import numpy as np
import pytest

from nbprop.data import from_arrays

X = np.random.default_rng(0).normal(size=(12, 2))
Y = np.arange(12) % 3
XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize("y", [[0, 1, 1, 0], [[0], [1], [1], [0]], [False, True, True, False], ["a", "b", "b", "a"]])
def test_of_few_samples_none_is_held_back_unless_asked_for(y):
    data = from_arrays(XOR, y)
    assert (len(data.X_train), len(data.X_val), data.y_train.tolist()) == (4, 0, [0, 1, 1, 0])
    assert repr(data) == (
        "Dataset('data', binary, 2 inputs, 2 classes, 4 train, 0 validation; fewer than 20 samples: none held back)"
    )
    assert len(from_arrays(XOR, y, validation=0.25).X_val) == 2  # one of each class
    assert len(from_arrays(np.repeat(XOR, 5, axis=0), np.repeat(y, 5)).X_val) == 4
    assert len(from_arrays(XOR, y, XOR, y).X_val) == 4


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_one_hot_rows_are_classes_and_it_is_said(dtype):
    rows = np.eye(3, dtype=dtype)[Y]
    data = from_arrays(X, rows, X[:3], rows[:3], classes=("a", "b", "c"))
    assert (data.task, data.outputs, data.classes, data.y_train.tolist()) == ("multiclass", 3, ("a", "b", "c"), [*Y])
    assert data.y_val.tolist() == [0, 1, 2]
    assert repr(data).endswith("12 train, 3 validation; y: one-hot rows)")
    two = from_arrays(X, np.eye(2, dtype=dtype)[Y % 2])
    assert (two.task, two.outputs, two.classes) == ("binary", 1, ("0", "1"))
    assert from_arrays(X, np.eye(3)[Y], task="multiclass").y_train.tolist() == [*Y]
    assert from_arrays(X, rows, task="regression").outputs == 3
    with pytest.raises(ValueError, match=re.escape("y_val: expected rows of one 1 and else 0, 3 of them as in y")):
        from_arrays(X, rows, X[:3], 1 - rows[:3].astype(int))
    with pytest.raises(ValueError, match="expected two classes for task='binary', got 3"):
        from_arrays(X, rows, task="binary")


def test_one_hot_rows_for_every_time_step():
    steps, labels = np.zeros((12, 4, 2)), np.arange(48).reshape(12, 4) % 3
    data = from_arrays(steps, np.eye(3, dtype=int)[labels])
    assert (data.output_shape, data.y_train.tolist()) == ((4, 3), labels.tolist())
    each = from_arrays(steps, np.eye(4, dtype=int)[Y])  # (n, T): a label for each step, no one-hot rows
    assert each.y_train.shape == (12, 4) and each.task == "binary"


@pytest.mark.parametrize("dtype", [int, bool, float, np.float32, object])
def test_several_labels_of_a_sample_are_a_task_of_its_own(dtype):
    labels = np.array([[0, 1, 1], [1, 1, 0], [0, 0, 0]] * 8).astype(dtype)
    rows = np.repeat(X, 2, axis=0)
    data = from_arrays(rows, labels, task="multilabel", classes=("cat", "dog", "bird"))
    assert (data.task, data.outputs, data.output_shape) == ("multilabel", 3, (3,))
    assert data.y_train.dtype == data.y_val.dtype == np.float32 and data.y_val.shape == (6, 3)
    assert data.classes == ("cat", "dog", "bird")
    assert repr(data) == "Dataset('data', multilabel, 2 inputs, 3 labels, 18 train, 6 validation)"
    assert from_arrays(rows, labels, task="multilabel").classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("y", "settings", "error", "message"),
    [
        (np.full((12, 3), 2), {"task": "multilabel"}, ValueError, "y: expected 0 or 1 for each sample and label"),
        (Y % 2, {"task": "multilabel"}, ValueError, "(samples, labels), got shape (12,); try task='multiclass'"),
        (np.full((12, 3), np.nan), {"task": "multilabel"}, ValueError, "y: expected finite numbers, got 36 NaN"),
        (
            np.ones((12, 3), int),
            {"task": "multilabel", "classes": "ab"},
            TypeError,
            "classes: expected a sequence of 3",
        ),
        (np.ones((12, 3), int), {}, ValueError, "try task='multilabel' for several labels of a sample"),
        (np.datetime64("2020") + Y, {}, TypeError, "y: expected labels or numbers, got dates or times"),
        (Y, {"task": "multilable"}, ValueError, "did you mean 'multilabel'?"),
    ],
)
def test_targets_that_fit_no_task_are_refused(y, settings, error, message):
    with pytest.raises(error, match=re.escape(message)):
        from_arrays(X, y, **settings)


def test_a_column_is_the_same_as_a_row():
    for y in (Y, Y / 7, np.array(["a", "b", "c"])[Y]):
        row, column = from_arrays(X, y), from_arrays(X, y[:, None])
        assert repr(row) == repr(column) and row.output_shape == column.output_shape
        np.testing.assert_array_equal(row.y_train, column.y_train)
