"""Pictures in folders: classes by the folders' names, one size, grey or coloured, and what is no picture is named."""

import re

import numpy as np
import pytest

import nbprop as nb
from nbprop.data import from_folder, read

Image = pytest.importorskip("PIL.Image")


def pixels(seed, rows=6, columns=5, channels=3):
    made = np.random.default_rng(seed).integers(0, 256, (rows, columns, channels)).astype(np.uint8)
    return made[..., 0] if channels == 1 else made


@pytest.fixture
def folder(tmp_path):
    """animals: 12 cats and 14 dogs, 6 rows and 5 columns, in colour."""
    for name, many in (("cat", 12), ("dog", 14)):
        (tmp_path / "animals" / name).mkdir(parents=True)
        for i in range(many):
            Image.fromarray(pixels(i + 100 * many)).save(tmp_path / "animals" / name / f"{i:02}.png")
    return tmp_path / "animals"


def test_a_folder_is_a_class(folder):
    data = from_folder(folder, validation=0)
    assert (data.name, data.task, data.classes) == ("animals", "binary", ("cat", "dog"))
    assert data.X_train.shape == (26, 3, 6, 5) and data.features == ("red", "green", "blue")
    assert np.bincount(data.y_train).tolist() == [12, 14]
    np.testing.assert_allclose(data.X_train[3], pixels(1203).transpose(2, 0, 1) / 255, atol=1e-7)
    assert data.told == ("26 pictures of 6 x 5 (rows x columns), red, green and blue, from 0 to 1: 'dog' 14, 'cat' 12",)
    assert len(read(folder).X_val) == 7 and read(str(folder)).classes == data.classes


def test_later_pictures_are_given_by_their_paths(folder):
    data = from_folder(folder, validation=0)
    np.testing.assert_array_equal(data.inputs_of(folder / "cat" / "03.png"), data.X_train[3:4])
    paths = [folder / "cat" / "01.png", str(folder / "dog" / "02.png")]
    np.testing.assert_array_equal(data.inputs_of(paths), data.X_train[[1, 14]])
    trainer = nb.Trainer(nb.nn.Sequential(nb.nn.Flatten(), nb.nn.mlp([90, 4, 1], seed=0)), folder, seed=0)
    trainer.fit(steps=5, bar=False)
    assert trainer.predict(paths).shape == (2, 1)
    Image.fromarray(pixels(0, 7, 5)).save(folder / "odd.png")
    with pytest.raises(
        ValueError, match=r"odd.png': expected a picture of 6 rows and 5 columns, got 7 and 5; try from_folder"
    ):
        trainer.predict(folder / "odd.png")


def test_other_sizes_are_named_and_brought_to_one_if_asked(folder):
    Image.fromarray(pixels(0, 20, 30)).save(folder / "dog" / "big.png")
    with pytest.raises(
        ValueError, match=r"got 2 sizes: 26 of 6 x 5 .*big.png' of 20 x 30; try size=\(6, 5\), or a smaller"
    ):
        from_folder(folder)
    data = from_folder(folder, size=(4, 8), validation=0)
    assert data.input_shape == (3, 4, 8) and data.told[1] == "27 were brought to this size, whatever shape they had"
    assert from_folder(folder, size=3).input_shape == (3, 3, 3)
    flat = np.full((40, 40, 3), 200, np.uint8)
    Image.fromarray(flat).save(folder / "flat.png")
    np.testing.assert_allclose(data.inputs_of(folder / "flat.png"), 200 / 255, atol=1e-6)
    for size in (0, (3,), 2.5, "big"):
        with pytest.raises((ValueError, TypeError), match="size must be"):
            from_folder(folder, size=size)


def test_grey_pictures_have_one_channel(folder):
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    data = from_folder(folder, validation=0)
    assert data.input_shape == (1, 6, 5) and data.features == ("gray",)
    Image.fromarray(pixels(1)).save(folder / "cat" / "colour.png")
    assert from_folder(folder).input_shape == (3, 6, 5)
    assert "26 were grey and got three channels" in from_folder(folder).told
    grey = from_folder(folder, gray=True)
    assert grey.input_shape == (1, 6, 5) and "1 were coloured and made grey" in grey.told


def test_modes_of_pictures(folder):
    """Transparent ones on white, palettes, 16 bits, and the turn that a camera notes."""
    clear = np.zeros((6, 5, 4), np.uint8)
    Image.fromarray(clear).save(folder / "clear.png")
    Image.fromarray(pixels(0)).quantize(200).save(folder / "palette.png")
    deep = np.linspace(0, 65535, 30).reshape(6, 5).astype(np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    turned = Image.fromarray(pixels(1, 5, 6))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.png", exif=exif)
    data = from_folder(folder, validation=0)
    assert (data.inputs_of(folder / "clear.png") == 1).all()
    assert np.abs(data.inputs_of(folder / "palette.png")[0].transpose(1, 2, 0) * 255 - pixels(0)).mean() < 20
    np.testing.assert_allclose(data.inputs_of(folder / "deep.png")[0, 0], deep / 65535, atol=1 / 255)
    np.testing.assert_array_equal(
        data.inputs_of(folder / "turned.png")[0] * 255, np.rot90(pixels(1, 5, 6), -1).transpose(2, 0, 1)
    )
    for name in ("clear", "palette", "deep", "turned"):
        (folder / f"{name}.png").rename(folder / "cat" / f"{name}.png")
    assert from_folder(folder).input_shape == (3, 6, 5)


def test_training_and_testing_folders(folder):
    whole = folder.parent / "whole"
    whole.mkdir()
    folder.rename(whole / "train")
    (whole / "test" / "cat").mkdir(parents=True)
    Image.fromarray(pixels(0)).save(whole / "test" / "cat" / "a.png")
    data = from_folder(whole)
    assert (len(data.X_train), len(data.X_val), data.y_val.tolist()) == (26, 1, [0])


def test_other_files_are_passed_over_and_said(folder):
    (folder / "cat" / "notes.txt").write_text("cats")
    (folder / "cat" / ".hidden.png").write_text("no")
    (folder / "dog" / "more").mkdir()
    Image.fromarray(pixels(0)).save(folder / "dog" / "more" / "deep.bmp")
    told = from_folder(folder).told
    assert told[0].endswith("'dog' 15, 'cat' 12") and told[1] == "1 other files were passed over"


def test_what_is_no_picture_is_named(folder, tmp_path):
    (folder / "cat" / "bad.png").write_text("%!PS-Adobe")
    with pytest.raises(
        ValueError, match=r"bad.png': expected a picture, got cannot identify .*; try to leave this file out"
    ):
        from_folder(folder)
    whole = (folder / "cat" / "00.png").read_bytes()
    (folder / "cat" / "bad.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"bad.png': expected a picture, got"):
        from_folder(folder)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda root: root / "animls", FileNotFoundError, "did you mean 'animals'?"),
        (lambda root: root / "animals" / "cat" / "00.png", NotADirectoryError, "expected a folder, got the file"),
        (lambda root: root / "animals" / "cat", ValueError, "expected a folder for each of two or more classes, with"),
        (lambda root: root, ValueError, "got only 'animals'"),
        (lambda root: "https://example.org/animals", ValueError, "nbprop loads nothing from the internet"),
        (lambda root: 3, TypeError, "folder: expected a path, got int"),
    ],
)
def test_folders_that_do_not_do_are_refused(folder, make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        from_folder(make(folder.parent))


def test_too_much_is_refused_before_it_is_read(folder):
    with pytest.raises(
        ValueError, match=r"expected at most 268,435,456 numbers in all pictures, got .*; try a smaller size="
    ):
        from_folder(folder, size=5000)
