"""Makes a release, and looks at it as a user would: built, opened, installed elsewhere, used.

    pip install -e ".[test]" && python docs/release.py

The version must be the same wherever it is written. The wheel and the sdist go to build/release; the wheel must hold
the files of nbprop/ and nothing else; in a fresh environment, in another folder, it must install and run. `--tag` then
tags the commit, which must be clean and have its day in the changelog. What is left is said at the end: push the tag,
upload the two files.

What is tried elsewhere: the smoke test below, the course, the words of `python -m nbprop` without JupyterLab; then with
it (`nbprop[lab]`) the playground: its server answers with the notebook, and the notebook runs.
"""

import argparse
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[1]
LARGEST = 5_000_000  # bytes of the wheel, of which the pictures in the course are two thirds
SMOKE = """
import nbprop as nb
assert not nb.__file__.startswith({root!r}), nb.__file__
trainer = nb.Trainer(nb.nn.mlp([2, 8, 1], seed=0), nb.data.xor(), loss="bce", optimizer="adam", seed=0)
trainer.fit(steps=200)
assert trainer.history["loss"][-1] < trainer.history["loss"][0]
for view in (nb.views.Loss(trainer), nb.views.GradientFlow(trainer), nb.views.Histograms(trainer)):
    assert view.frame() and view.describe()
nb.views.Loss(trainer).plot()
nb.Playground()
print("nbprop", nb.__version__, "learns and draws:", trainer)
"""


class Wrong(Exception):
    """Something about the release is not as it must be."""


def versions():
    """Where the version is written -> what stands there."""
    places = {
        "nbprop/__init__.py": r'^__version__ = "(.*)"$',
        "CITATION.cff": r"^version: (.*)$",
        "CHANGELOG.md": r"^## \[(\d.*?)\]",  # the newest entry
    }
    found = {name: re.search(pattern, (ROOT / name).read_text(), re.MULTILINE) for name, pattern in places.items()}
    return {name: match and match[1] for name, match in found.items()}


def the_version():
    found = versions()
    if len(set(found.values())) != 1:
        raise Wrong(f"expected one version everywhere, got {found}")
    return found["nbprop/__init__.py"]


def build(folder):
    """(wheel, sdist), built anew into the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def look_into(wheel, sdist, version):
    """What the wheel holds and says of itself, and whether tests, notebooks and docs are in the sdist."""
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "nbprop").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {f"nbprop/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.*[bl]")}
    info = f"nbprop-{version}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    if names - sources != (own := {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")}):
        raise Wrong(f"the wheel holds what it should not, or lacks its own: {sorted((names - sources) ^ own)}")
    if missing := sources - names:
        raise Wrong(f"the wheel lacks {sorted(missing)}")
    if metadata["Version"] != version or metadata["License-Expression"] != "BSD-3-Clause":
        raise Wrong(f"the wheel says version {metadata['Version']}, license {metadata['License-Expression']}")
    if "Watch backpropagation happen" not in metadata.get_payload():
        raise Wrong("the wheel lacks the README as its description")
    if (size := wheel.stat().st_size) > LARGEST:
        raise Wrong(f"the wheel has {size:,} bytes, more than {LARGEST:,}")
    with tarfile.open(sdist) as archive:
        folders = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    if missing := {"nbprop", "tests", "notebooks", "docs", "README.md", "LICENSE", "pyproject.toml"} - folders:
        raise Wrong(f"the sdist lacks {sorted(missing)}")
    return len(names)


def try_elsewhere(wheel):
    """Installs the wheel into a fresh environment and uses it from a folder that knows nothing of this one."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "venv" / "bin" / "python"
        run(sys.executable, "-m", "venv", python.parents[1])
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(*install, wheel.resolve())
        run(python, "-I", "-c", SMOKE.format(root=str(ROOT)), cwd=folder)
        for what in ("--version", "--help"):
            run(python, "-I", "-m", "nbprop", what, cwd=folder)
        try_the_course(python, Path(folder) / "course")
        without = subprocess.run([python, "-I", "-m", "nbprop"], cwd=folder, capture_output=True, text=True)
        if without.returncode != 1 or 'pip install "nbprop[lab]"' not in without.stderr:
            raise Wrong(f"without JupyterLab `python -m nbprop` said {without.stdout!r}, {without.stderr!r}")
        run(*install, f"{wheel.resolve()}[lab]")
        try_the_playground(python, Path(folder) / "here")


def try_the_course(python, folder):
    """All notebooks are put there; what was changed stays, and the next time that is said."""
    command = [python, "-I", "-m", "nbprop", "course", folder]
    run(*command)
    lessons = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.*[bl]")}
    if {path.name: path.read_bytes() for path in folder.glob("*.*[bl]")} != lessons:
        raise Wrong("the course that is put into a folder is not the one of the repository")
    changed = folder / "01-chain-rule.ipynb"
    changed.write_text("mine")
    again = subprocess.run(command, capture_output=True, text=True).stdout
    if changed.read_text() != "mine" or f"yours: {changed.name}\n" not in again:
        raise Wrong(f"a changed notebook was not left alone: {again}")


def try_the_playground(python, folder):
    """`python -m nbprop` opens JupyterLab with the notebook, which runs."""
    folder.mkdir()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    token = secrets.token_hex(16)
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}"]
    env = {**os.environ, "HOME": str(folder)}  # nothing of the user's own Jupyter
    server = subprocess.Popen([python, "-I", "-m", "nbprop", *options], cwd=folder, env=env)
    try:
        page = get(f"http://127.0.0.1:{port}/lab/tree/00-playground.ipynb?token={token}", server)
        if b"JupyterLab" not in page:
            raise Wrong(f"JupyterLab did not come: {page[:500]!r}")
    finally:
        server.terminate()
        server.wait()
    run(python, "-m", "jupyter", "execute", "--timeout=120", "00-playground.ipynb", cwd=folder, env=env)


def get(url, server, patience=120):
    end = time.monotonic() + patience
    while True:
        try:
            return urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(url, timeout=60).read()
        except OSError as error:
            if server.poll() is not None or time.monotonic() > end:
                raise Wrong(f"the server of the playground does not answer: {error}") from None
            time.sleep(0.2)


def tag(version):
    if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout:
        raise Wrong("expected every change to be committed before the tag")
    if not re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    ):
        raise Wrong(f"expected the day in CHANGELOG.md: ## [{version}] - YYYY-MM-DD")
    run("git", "tag", "--annotate", f"v{version}", "--message", f"nbprop {version}", cwd=ROOT)


def run(*command, cwd=None, env=None):
    if subprocess.run([str(part) for part in command], cwd=cwd, env=env).returncode:
        raise Wrong(f"this failed: {' '.join(str(part) for part in command[:5])} ...")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", action="store_true", help="tag the commit when all is well")
    options = parser.parse_args(arguments)
    try:
        version = the_version()
        wheel, sdist = build(ROOT / "build" / "release")
        print(f"{wheel.name}: {look_into(wheel, sdist, version)} files, {wheel.stat().st_size / 1000:.0f} kB")
        try_elsewhere(wheel)
        if options.tag:
            tag(version)
    except Wrong as wrong:
        sys.exit(f"no release: {wrong}")
    print(f"next: {'' if options.tag else 'python docs/release.py --tag, then '}git push origin v{version} and upload")
    print(f"    {wheel}\n    {sdist}")


if __name__ == "__main__":
    main()
