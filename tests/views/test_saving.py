"""Boards in files: the page that needs nothing else, and pictures."""

import base64
import re
from html.parser import HTMLParser

import matplotlib.image
import numpy as np
import pytest

import nbprop as nb
from nbprop.views.base.folder import names
from nbprop.views.board.javascript import program
from nbprop.views.board.saving import page


@pytest.fixture(scope="module")
def trainer():
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), nb.data.moons(samples=80, seed=0), lr=0.01, seed=0)
    trainer.watch()
    trainer.fit(steps=200, bar=False)
    return trainer


class Page(HTMLParser):
    """The elements of a page, as an HTML parser sees them, and the text of each script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.title = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script":
            self.scripts.append(data)
        if self.tags and self.tags[-1][0] == "title" and not self.title:
            self.title = data


def test_a_page_is_whole_in_itself_and_allowed_nothing_else(trainer, tmp_path):
    board = nb.views.Loss(trainer)
    saved = board.save(tmp_path / "run.html", moments=20)
    text = saved.path.read_text(encoding="utf-8")
    assert saved.size == saved.path.stat().st_size < 220_000
    assert repr(saved) == f"{tmp_path / 'run.html'}: {saved.size / 1000:,.0f} kB. {saved.said}"
    assert saved.said == "21 moments from step 0 to 200."
    found = Page(text)
    assert found.title == "run"
    assert [tag for tag, _ in found.tags] == [
        *(
            "html",
            "head",
            "meta",
            "meta",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "div",
            "p",
            "noscript",
            "p",
            "script",
            "script",
        )
    ]
    assert not any(name in attrs for _, attrs in found.tags for name in ("src", "href", "style", "onload"))
    policy = next(attrs["content"] for _, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org)", text)


def test_it_holds_only_the_views_that_are_shown(trainer):
    text = page(nb.views.Loss(trainer), "", 1)[0].decode()
    there = re.findall(r"^// (\w+)\.js$", text, re.MULTILINE)
    assert there == ["loss", "entry"]
    assert "</script" not in program(tuple(names()))


def test_names_that_look_like_code_stay_text(tmp_path):
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--"
    data = nb.data.from_arrays(
        np.random.default_rng(0).normal(size=(40, 2)),
        np.arange(40) % 2,
        name=evil,
        classes=(evil, "b"),
        features=(evil, evil + evil),
    )
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), data, seed=0)
    trainer.fit(steps=5, bar=False)
    board = nb.views.Board(nb.views.Loss(trainer), nb.views.Boundary(trainer))
    plain = nb.views.Board(nb.views.Loss(trainer), nb.views.Boundary(trainer))
    saved = board.save(tmp_path / "evil.html", title=evil)
    tags = [tag for tag, _ in Page(saved.path.read_text()).tags]
    assert tags == [tag for tag, _ in Page(page(plain, "plain")[0].decode()).tags]
    assert Page(saved.path.read_text()).title.startswith("</script>")


def test_a_page_has_its_bound(trainer, tmp_path):
    board = nb.views.Board(*(getattr(nb.views, name)(trainer) for name in ("Loss", "GradientFlow", "Boundary")))
    whole = board.save(tmp_path / "a.html", moments=20)
    bound = (whole.size + len(program(("loss", "gradients", "boundary")))) // 2
    small = board.save(tmp_path / "b.html", moments=20, size=bound)
    assert small.size <= bound < whole.size and "Without other choices" in small.said
    with pytest.raises(ValueError, match="try a larger size"):
        board.save(tmp_path / "c.html", moments=2, size=1000)
    assert not (tmp_path / "c.html").exists()


@pytest.mark.parametrize("ending", ["png", "svg", "PNG"])
def test_pictures(trainer, tmp_path, ending):
    import matplotlib.pyplot as plt

    open_ones = plt.get_fignums()
    board = nb.views.Board(nb.views.Loss(trainer), nb.views.Boundary(trainer), columns=1)
    saved = board.save(str(tmp_path / f"run.{ending}"), title="A run")
    assert plt.get_fignums() == open_ones
    if ending == "svg":
        text = saved.path.read_text()
        assert text.startswith("<?xml") and "<svg" in text and not re.search(r'(href|src)="https?://', text)
    else:
        small = board.save(tmp_path / "small.png", dpi=50)
        pixels, fewer = (matplotlib.image.imread(each.path) for each in (saved, small))
        assert pixels.shape[0] == 3 * fewer.shape[0] > pixels.shape[1] and np.ptp(pixels) == 1


def test_any_other_file_is_refused_in_words(trainer, tmp_path):
    board = nb.views.Loss(trainer)
    for name in ("run.pdf", "run", "run.ipynb"):
        with pytest.raises(ValueError, match=rf"expected a file name that ends in \.html, \.png, \.svg; got '{name}'"):
            board.save(tmp_path / name)
    with pytest.raises(TypeError):
        board.save(3)
    with pytest.raises(FileNotFoundError):
        board.save(tmp_path / "nowhere" / "run.html")
    with pytest.raises(ValueError, match="size must be a finite number, greater than 0"):
        board.save(tmp_path / "run.html", size=0)


def test_the_playground_and_controls_save_their_board(trainer, tmp_path):
    playground = nb.Playground(hidden=[4])
    playground.trainer.fit(steps=20, bar=False)
    saved = playground.save(tmp_path / "run.html", moments=3)
    assert saved.said == "3 moments from step 0 to 20."
    playground.close()
    assert nb.views.Controls(nb.views.Loss(trainer), "lr").save(tmp_path / "loss.svg").size > 1000


def test_what_is_saved_is_written_as_bytes_whatever_the_system(trainer):
    content, _ = page(nb.views.Loss(trainer), "Größe", 1)
    assert b"\r" not in content and "<title>Größe</title>" in content.decode()
    recording = re.search(rb'id="recording">([A-Za-z0-9+/=]+)<', content)[1]
    assert base64.b64decode(recording).startswith(b"nbprop\0")
