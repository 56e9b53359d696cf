"""Pictures in folders: the folder a picture lies in is its class. Read with Pillow, of formats that are pixels only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nbprop.checks import flag, optional, per_axis
from nbprop.data import files
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # none that a program outside would be run for
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
TRAINING, TESTING = ("train", "training"), ("val", "valid", "validation", "test", "testing")
LARGEST = 2**28  # numbers in all pictures together: 1 GB as float32
COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Pictures:
    """How files become inputs: pictures of so many rows and columns, grey or red, green and blue.

    resize: whether those of another size are brought to it, else they are refused.
    """

    rows: int
    columns: int
    gray: bool
    resize: bool

    def takes(self, X: Any) -> bool:
        """Paths of pictures, or one of them."""
        return isinstance(X, (str, PathLike)) or (
            isinstance(X, (list, tuple)) and bool(X) and all(isinstance(each, (str, PathLike)) for each in X)
        )

    def read(self, X: Any, what: str = "X") -> np.ndarray:
        """Pictures (n, channels, rows, columns), bytes, from paths."""
        paths = [X] if isinstance(X, (str, PathLike)) else X
        return np.stack([self.picture(files.path_of(each, what)) for each in paths])

    def picture(self, path: Path) -> np.ndarray:
        """One picture (channels, rows, columns), uint8."""
        image = _opened(path, _upright).convert("L" if self.gray else "RGB")
        if image.size != (self.columns, self.rows):
            if not self.resize:
                raise ValueError(
                    f"{str(path)!r}: expected a picture of {self.rows} rows and {self.columns} columns, got "
                    f"{image.size[1]} and {image.size[0]}; try from_folder(..., size=({self.rows}, {self.columns}))"
                )
            image = image.resize((self.columns, self.rows))  # by default bicubic, which averages when it shrinks
        pixels = np.asarray(image)
        return pixels[None] if self.gray else pixels.transpose(2, 0, 1)


def from_folder(
    folder: Any,
    size: "int | tuple[int, int] | None" = None,
    gray: bool | None = None,
    validation: float | None = None,
    seed: int = 0,
    name: str | None = None,
) -> Dataset:
    """A Dataset of pictures in folders: each folder in `folder` is a class, called as the folder is.

    folder: such as animals, with animals/cat/1.png, animals/dog/1.jpg, ... (also deeper inside). Where it holds train,
        and val or test, each with the classes in it, those are for training and validation.
    size: (rows, columns), or one number for both, to which every picture is brought, its shape not kept. Default: as
        they are; then all have to be of one size.
    gray: make them grey (1 channel), else red, green and blue (3). Default: grey if all are.
    validation, seed: as for `from_arrays`. name: default, of the folder.

    X is (n, channels, rows, columns), 0 to 1. Transparent pictures are put on white, those that a camera turned are
    turned back. Formats: PNG, JPEG, BMP, GIF (the first picture), WebP, TIFF, PPM. Other files are passed over, and
    said. Raises ImportError where Pillow is not installed (it comes with matplotlib), ValueError or OSError that names
    the file, what was expected and what to try.
    """
    root, gray = files.path_of(folder, "folder", folder=True), optional(flag)("gray", gray)
    height, width = (0, 0) if size is None else per_axis("size", size, 2)
    parts = {each.name.lower(): each for each in root.iterdir() if each.is_dir()}
    inside = [next((parts[each] for each in names if each in parts), None) for names in (TRAINING, TESTING)]
    if inside[0] is not None and inside[1] is not None and len(parts) <= 3:
        (found, other), held = _found(inside[0]), _found(inside[1])
        held, other = held[0], other + held[1]
    else:
        (found, other), held = _found(root), []
    classes = sorted({each for _, each in [*found, *held]})
    if len(classes) < 2:
        what = f"only {classes[0]!r}" if classes else f"none with pictures ({', '.join(ENDINGS[:6])}, ...) in it"
        raise ValueError(
            f"{str(root)!r}: expected a folder for each of two or more classes, with pictures in it, got {what}"
        )
    paths = [path for path, _ in [*found, *held]]
    sizes, modes = _looked_at(paths)
    if size is None:
        height, width = _one_size(paths, sizes)
    gray = all(modes) if gray is None else gray
    many = len(paths) * height * width * (1 if gray else 3)
    if many > LARGEST:
        raise ValueError(
            f"{str(root)!r}: expected at most {LARGEST:,} numbers in all pictures, got {many:,}: {len(paths):,} "
            f"pictures of {height} x {width}; try a smaller size=, or gray=True"
        )
    reader = Pictures(height, width, gray, size is not None)
    X, y = np.stack([reader.picture(path) for path in paths]), np.array([each for _, each in [*found, *held]])
    n = len(found)
    made = from_arrays(
        X[:n], y[:n], *((X[n:], y[n:]) if held else ()), validation=None if held else validation, seed=seed, scale=255,
        name=name or root.resolve().name, task="binary" if len(classes) == 2 else "multiclass", classes=classes,
        features=("gray",) if gray else COLOURS,
    )  # fmt: skip
    told = _told(paths, y, sizes, modes, reader, other)
    return replace(made, columns=reader, notes=tuple(note for note in made.notes if "scale" not in note), told=told)


def _found(root):
    """(path, class) of every picture, and how many other files there are."""
    found, other = [], 0
    for folder in sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")):
        for path in sorted(folder.rglob("*")):
            if path.is_dir() or path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini"):
                continue
            if path.suffix.lower() in ENDINGS:
                found.append((path, folder.name))
            else:
                other += 1
    return found, other


def _opened(path, use) -> Any:
    """use(image) of the Pillow image in a file; ValueError that names the file if it is none."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"pictures: expected Pillow, which reads them, got {error}; try pip install pillow"
        ) from error
    try:
        with Image.open(path, formats=FORMATS) as image:
            return use(image)
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{str(path)!r}: expected a picture, got {error}; try to leave this file out") from None


def _upright(image):
    """The image as it was taken, of bytes, transparency on white."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_bytes(np.asarray(image)))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return white
    return image.copy()


def _bytes(pixels):
    """Pixels of 16 bits, or more, as bytes."""
    if pixels.min() < 0 or pixels.max() > 65535 or pixels.dtype.kind == "f":
        raise OSError(f"pixels from {pixels.min():g} to {pixels.max():g}, not 0 to 65535")
    return (pixels // 257).astype(np.uint8)


def _looked_at(paths):
    """(rows, columns) of each picture, and whether it is grey, without reading its pixels."""
    found = [_opened(path, _size_and_mode) for path in paths]
    return [size for size, _ in found], [grey for _, grey in found]


def _size_and_mode(image):
    turned = image.getexif().get(0x0112, 1) >= 5  # the camera lay on its side
    grey = image.mode[0] in "1LIF" or (image.mode == "P" and _gray_palette(image))
    return (image.size if turned else image.size[::-1]), grey


def _gray_palette(image):
    colours = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _one_size(paths, sizes):
    counts = Counter(sizes)
    (usual, many), *others = counts.most_common()
    if others:
        first = next(i for i, each in enumerate(sizes) if each != usual)
        raise ValueError(
            f"expected pictures of one size, got {len(counts)} sizes: {many} of {usual[0]} x {usual[1]} (rows x "
            f"columns), and others, the first {str(paths[first])!r} of {sizes[first][0]} x {sizes[first][1]}; try "
            f"size={usual}, or a smaller one such as size={min(*usual, 32)}, to which all are brought"
        )
    return usual


def _told(paths: Sequence[Path], y, sizes, modes, reader, other) -> tuple[str, ...]:
    counts = ", ".join(f"{name!r} {count}" for name, count in Counter(y.tolist()).most_common(12))
    kind = "grey" if reader.gray else "red, green and blue"
    told = [
        f"{len(paths)} pictures of {reader.rows} x {reader.columns} (rows x columns), {kind}, from 0 to 1: {counts}"
    ]
    if resized := sum(each != (reader.rows, reader.columns) for each in sizes):
        told.append(f"{resized} were brought to this size, whatever shape they had")
    if changed := sum(grey != reader.gray for grey in modes):
        told.append(f"{changed} were {'coloured and made grey' if reader.gray else 'grey and got three channels'}")
    if other:
        told.append(f"{other} other files were passed over")
    return tuple(told)
