"""Training scripts of PyTorch as people write them, in JupyterLab, with one line added: watched live while the cell
runs, paused, its learning rate turned, resumed, stopped."""

import os
import re

import pytest
from harness import VOILA, Lab, not_in

pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    not_in(VOILA, because="it shows a page when all cells have ended; in test_voila.py a button begins a loop"),
]

SETUP = """import torch, nbprop as nb
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
torch.set_num_threads(1)
"""
MLP = """
X = torch.randn(512, 2)
y = (X[:, :1] * X[:, 1:] > 0).float()
model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
with nb.watch(model, optimizer) as run:
    while True:
        i = torch.randint(0, len(X), (32,))
        loss = F.binary_cross_entropy_with_logits(model(X[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
CNN = """
X, y = torch.randn(64, 1, 12, 12), torch.randint(0, 3, (64,))
model = nn.Sequential(
    nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3),
    nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(72, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
run = nb.watch(model, optimizer)
while not run.stopped:
    loss = F.cross_entropy(model(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
LSTM = """
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(9, 6), nn.LSTM(6, 12, batch_first=True), nn.Linear(12, 2)

    def forward(self, x):
        out, _ = self.lstm(self.embedding(x))
        return self.head(out[:, -1])

model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
with nb.watch(model, optimizer):
    while True:
        x = torch.randint(0, 9, (16, 7))
        loss = F.cross_entropy(model(x), (x[:, 0] > 4).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
GPT = """
class GPT(nn.Module):
    def __init__(self, words=12, width=16, context=8):
        super().__init__()
        self.tokens, self.places = nn.Embedding(words, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 2, 32, dropout=0.0, batch_first=True, norm_first=True) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, x):
        h, mask = self.tokens(x) + self.places.weight, nn.Transformer.generate_square_subsequent_mask(8)
        for block in self.blocks:
            h = block(h, src_mask=mask, is_causal=True)
        return self.head(self.norm(h))

model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
with nb.watch(model, optimizer):
    while True:
        x = (torch.randint(0, 12, (8, 1)) + torch.arange(9)) % 12
        loss = F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
GAN = """
maker = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
a, b = torch.optim.Adam(maker.parameters(), 0.01), torch.optim.Adam(critic.parameters(), 0.01)
one, zero, bce = torch.ones(32, 1), torch.zeros(32, 1), F.binary_cross_entropy_with_logits
with nb.watch({"maker": maker, "critic": critic}, {"maker": a, "critic": b}) as run:
    while True:
        real, noise = torch.randn(32, 2) * 0.3 + 2, torch.randn(32, 2)
        loss = bce(critic(real), one) + bce(critic(maker(noise).detach()), zero)
        b.zero_grad(); loss.backward(); b.step()
        loss = bce(critic(maker(noise)), one)
        a.zero_grad(); loss.backward(); a.step()
"""
SCRIPTS = {"mlp": MLP, "cnn": CNN, "lstm": LSTM, "gpt": GPT, "gan": GAN}


@pytest.fixture(scope="module")
def lab(new_lab) -> Lab:
    return new_lab().open("watch.ipynb", [SETUP, *SCRIPTS.values(), "print('ended', run)"])


class Watched:
    """The board of the loop in one cell."""

    def __init__(self, lab, cell):
        self.lab = lab
        self.root = lab.show(cell)
        lab.run(cell, wait=False)
        self.line = self.root.locator(".nbprop-line").first
        self.line.wait_for(timeout=60_000)

    def step(self):
        found = re.match(r"step ([\d,]+)", self.line.inner_text())
        return int(found[1].replace(",", "")) if found else 0

    def press(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()

    def says(self, words):
        self.lab.until(lambda: words in self.line.inner_text(), f"{words!r}, not {self.line.inner_text()!r}")


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_with_one_line_added(lab, kind):
    if kind == "mlp":
        lab.python(SETUP)
    watched = Watched(lab, 1 + [*SCRIPTS].index(kind))
    lab.until(lambda: watched.step() > 3, "it plays", 60)
    frames = watched.root.locator(".nbprop-board").get_attribute("data-painted")
    lab.until(lambda: watched.root.locator(".nbprop-board").get_attribute("data-painted") != frames, "pictures come")
    watched.press("Pause")
    watched.says("paused")
    there = watched.step()
    lab.page.wait_for_timeout(300)
    assert watched.step() == there
    watched.press("Step")
    lab.until(lambda: watched.step() == there + 1, "one step more")
    rate = watched.root.locator("[data-dial=lr] input:not([type=range])")
    rate.fill("0.003")
    rate.press("Enter")
    lab.until(lambda: rate.input_value() == "0.003", "the rate stands")
    watched.press("Resume")
    lab.until(lambda: watched.step() > there + 5, "it goes on", 60)
    words = watched.root.locator(".nbprop-board").inner_text()
    assert "watching failed" not in words and "cannot be drawn" not in words
    watched.press("Stop")
    lab.wait_idle()
    watched.says("paused")
    optimizer = "a" if kind == "gan" else "optimizer"
    assert lab.ask(f"{optimizer}.param_groups[0]['lr']") == 0.003
    assert lab.ask("sum(len(m._forward_hooks) for m in (maker if 'maker' in globals() else model).modules())") == 0


def test_the_time_line_goes_back_to_a_snapshot(lab):
    """While the loop is paused, in its cell: the mark before is that of a snapshot, and the loop goes on from it."""
    watched = Watched(lab, 1)
    lab.until(lambda: watched.step() > 60, "a snapshot was taken", 60)
    watched.press("Pause")
    watched.says("paused")
    there = watched.step()
    line = watched.root.get_by_role("slider", name="Time line: step")
    line.focus()
    lab.page.keyboard.press("[")
    place = watched.root.locator(".nbprop-place")
    at = there // 50 * 50 if there < 1200 else None  # later snapshots are further apart
    lab.until(lambda: re.match(r"step [\d,]+ of", place.inner_text()), "the past is shown")
    found = int(re.match(r"step ([\d,]+)", place.inner_text())[1].replace(",", ""))
    assert found % 50 == 0 and (at is None or found in (at, at - 50))
    if shots := os.environ.get("NBPROP_SHOTS"):
        watched.root.screenshot(path=f"{shots}/watch_past.png")
    watched.press("Continue from here")
    lab.until(lambda: watched.step() == found, "it is back there")
    watched.press("Resume")
    lab.until(lambda: watched.step() > found + 5, "it goes on", 60)
    watched.press("Stop")
    lab.wait_idle()
    assert lab.ask("'back from step' in run.history.events[-1].text")


def test_what_was_seen_stays_after_the_loop(lab):
    assert lab.ask("[run.steps > 5, len(run.history['loss']) == run.steps, run.stopped]") == [True, True, True]
    assert "dL/dz" in lab.ask("nb.views.GradientFlow(run).describe()")
