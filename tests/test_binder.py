"""What makes a Binder start work, as far as it can be seen without building the image."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
PLAYGROUND = "notebooks/00-playground.ipynb"


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


def test_the_playground_is_what_opens():
    config = re.search(r"<<'JSON'\n(.*?)\nJSON\n", (BINDER / "postBuild").read_text(), re.DOTALL)
    assert config
    urls = {app["default_url"] for app in json.loads(config[1]).values()}
    assert urls == {f"/lab/tree/{PLAYGROUND}"}
    assert (ROOT / PLAYGROUND).is_file()
