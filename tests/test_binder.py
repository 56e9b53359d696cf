"""What makes a Binder start work, as far as it can be seen without building the image."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
INDEX = "notebooks/index.ipynb"


def pins():
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_pin_is_exact_and_nbprop_itself_is_installed():
    *packages, own = pins()
    assert own == "-e ."
    loose = [line for line in packages if not re.fullmatch(r"[A-Za-z0-9_.-]+==\d+(\.\d+)+", line)]
    assert loose == []
    names = [normal(line.split("==")[0]) for line in packages]
    assert names == sorted(set(names))


def test_everything_that_is_run_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["lab"]
    pinned = {normal(line.split("==")[0]): line.split("==")[1] for line in pins()[:-1]}
    for requirement in needed:
        name, least = requirement.split(">=")
        assert normal(name) in pinned
        assert [int(i) for i in pinned[normal(name)].split(".")] >= [int(i) for i in least.split(".")]


def test_the_python_version_is_one_that_nbprop_takes():
    version = (BINDER / "runtime.txt").read_text().strip()
    assert re.fullmatch(r"python-3\.\d+", version)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert int(version.split(".")[1]) >= int(project["requires-python"].removeprefix(">=3."))


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_the_scripts_can_be_run(name):
    script = BINDER / name
    assert script.read_text().startswith("#!/bin/bash\n")
    assert os.access(script, os.X_OK)
    mode = subprocess.run(["git", "ls-files", "-s", script], cwd=ROOT, capture_output=True, text=True).stdout
    assert mode == "" or mode.startswith("100755"), "git update-index --chmod=+x"
    subprocess.run(["bash", "-n", script], check=True)


def test_post_build_stops_at_the_first_error():
    assert "\nset -euo pipefail\n" in (BINDER / "postBuild").read_text()


def test_start_becomes_the_server():
    shell = ["bash", "-c", f'exec "{BINDER / "start"}" bash -c \'echo $$ "$1" $OMP_NUM_THREADS\' _ "a  b"']
    process = subprocess.Popen(shell, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]})
    assert process.communicate()[0] == f"{process.pid} a  b 1\n"


def test_the_list_of_notebooks_is_what_opens():
    config = re.search(r"<<'JSON'\n(.*?)\nJSON\n", (BINDER / "postBuild").read_text(), re.DOTALL)
    assert config
    urls = {app["default_url"] for app in json.loads(config[1]).values()}
    assert urls == {f"/lab/tree/{INDEX}"}
    assert (ROOT / INDEX).is_file()


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository as Binder gets it: the files that git knows, and nothing else."""
    folder = tmp_path_factory.mktemp("binder") / "repo"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def test_repo2docker_finds_everything(copy):
    command = [sys.executable, "-m", "repo2docker", "--debug", "--no-build", str(copy)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    dockerfile = shown.stdout + shown.stderr
    assert shown.returncode == 0, dockerfile[-2000:]
    wanted = (BINDER / "runtime.txt").read_text().strip().replace("-", "=")
    assert f"Building conda environment for {wanted}" in dockerfile
    assert 'pip install --no-cache-dir -r "binder/requirements.txt"' in dockerfile
    assert "binder/postBuild" in dockerfile and "binder/start" in dockerfile


@pytest.mark.binder
@pytest.mark.timeout(900)
def test_the_same_steps_in_a_fresh_environment(copy, tmp_path):
    """A new environment with the pins, postBuild, start: the list of notebooks opens, one runs, so does Voila."""
    venv, home = tmp_path / "venv", tmp_path / "home"
    home.mkdir()
    subprocess.run([python_of_binder(), "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "binder/requirements.txt"]
    subprocess.run(pip, cwd=copy, check=True)
    env = {"HOME": str(home), "PATH": f"{venv / 'bin'}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    for command in (["binder/postBuild"], ["binder/start", "jupyter", "execute", "notebooks/00-playground.ipynb"]):
        done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=secret", "--allow-root"]
    server = subprocess.Popen(["binder/start", "jupyter", "lab", *options], cwd=copy, env=env)
    try:
        opened = get(f"http://127.0.0.1:{port}/?token=secret")
        assert opened.url.split("?")[0].endswith(f"/lab/tree/{INDEX}") and opened.status == 200
        voila = get(f"http://127.0.0.1:{port}/voila/render/binder/playground.ipynb?token=secret")
        assert "jupyter-widgets" in voila.read().decode()
    finally:
        server.terminate()
        server.wait()


def python_of_binder():
    """The Python that Binder would take, or this one."""
    wanted = (BINDER / "runtime.txt").read_text().strip().replace("-", "")
    try:
        subprocess.run([wanted, "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return sys.executable
    return wanted


def get(url, patience=120):
    end = time.monotonic() + patience
    while True:
        try:
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            return opener.open(url, timeout=60)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)
