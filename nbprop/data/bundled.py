"""Real data that comes with scikit-learn: read from its package, nothing is downloaded."""

from dataclasses import replace

from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays


def iris(validation: float = 0.25, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Fisher's irises (1936): 150 flowers of 3 species, 4 lengths, standardized by mean and spread of the training set.

    validation, noise, seed: as for `from_arrays`. Raises ImportError where scikit-learn is not installed.
    """
    X, y, source = _load("load_iris")
    features = [name.removesuffix(" (cm)") for name in source.feature_names]
    return _made("iris", X, y, source, features, noise, validation, seed, scale="standard")


def digits(validation: float = 0.25, noise: float = 0.0, seed: int = 0, image: bool = False) -> Dataset:
    """1797 handwritten digits of 8 x 8 pixels, row by row, from 0 (paper) to 1 (ink): 10 classes, 64 inputs.

    validation, noise, seed: as for `from_arrays`. image: pictures of one channel, (n, 1, 8, 8), as Conv2d takes them,
    instead of rows (n, 64); the same samples in the same order. Raises ImportError where scikit-learn is not installed.
    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI (1998), the test part.
    """
    X, y, source = _load("load_digits")
    features = ["ink"] if image else [f"pixel {i // 8},{i % 8}" for i in range(64)]
    X, more = ((X / 16).reshape(-1, 1, 8, 8), {"image": True}) if image else (X / 16, {})
    return _made("digits", X, y, source, features, noise, validation, seed, **more)


def _load(name):
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            f"{name.removeprefix('load_')}: expected scikit-learn, whose copy of this data set is read, got {error}; "
            'try pip install "nbprop[lab]"'
        ) from error
    source = getattr(datasets, name)()
    return source.data, source.target, source


def _made(name, X, y, source, features, noise, validation, seed, scale=None, **more):
    made = from_arrays(
        X,
        y,
        task="multiclass",
        noise=noise,
        validation=validation,
        seed=seed,
        name=name,
        classes=source.target_names,
        features=features,
        scale=scale,
    )
    return replace(made, settings={"noise": noise, "validation": validation, "seed": seed, **more})
