"""What others pick a project up by: hosted checks, the release, the hooks before a commit, how to cite it."""

import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import nbprop

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*"))


def workflow(name):
    """(when, jobs) of a workflow. YAML 1.1 reads the key `on` as true."""
    text = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    return text[True], text["jobs"]


def commands(job):
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_whole_and_may_do_no_more_than_it_says(path):
    text = yaml.safe_load(path.read_text())
    assert {"name", True, "permissions", "jobs"} <= text.keys()
    assert text["permissions"]["contents"] == "read"
    for job in text["jobs"].values():
        assert job["runs-on"] and 0 < job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), step
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/checkout@v4"))


def test_the_hosted_checks_are_ci_run_on_every_python_that_is_named():
    when, jobs = workflow("ci.yml")
    assert {"push", "pull_request"} <= when.keys()
    (job,) = jobs.values()
    assert commands(job) == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert job["strategy"]["matrix"]["python"] == named


def test_the_site_that_is_published_is_the_one_that_docs_build_makes():
    _, jobs = workflow("site.yml")
    (job,) = jobs.values()
    (command,) = commands(job)
    assert f"| `{command}` |" in (ROOT / "CONTRIBUTING.md").read_text()
    steps = {step["uses"].split("@")[0]: step for step in job["steps"] if "uses" in step}
    assert steps["actions/upload-pages-artifact"]["with"]["path"] == "build/site/html"
    assert "actions/deploy-pages" in steps


def test_the_hooks_before_a_commit_are_the_linters_of_ci_run_and_fetch_nothing():
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    linters = re.findall(r'^say ".*"; +(ruff \w+|pyright)', (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert [hook["name"] for hook in repo["hooks"]] == linters
    for hook in repo["hooks"]:
        assert hook["language"] == "system" and hook["entry"].startswith(hook["name"])


def test_how_to_cite_it():
    """The keys that version 1.2.0 of the format asks for, and what they say is what the package says."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert cited["cff-version"] == "1.2.0" and cited["type"] == "software"
    assert (cited["title"], cited["version"]) == ("nbprop", nbprop.__version__)
    assert cited["abstract"] == PROJECT["description"]
    assert cited["authors"] == PROJECT["authors"]
    assert cited["license"] == PROJECT["license"]
    assert cited["repository-code"] == PROJECT["urls"]["Repository"]
    assert cited["keywords"] == PROJECT["keywords"]


# ------------------------------------------------------------------------------------------------------- the release


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / "docs" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(release, tmp_path_factory):
    return release.build(tmp_path_factory.mktemp("release") / "files")


def test_a_release_has_one_version(release):
    assert release.the_version() == nbprop.__version__
    assert len(release.versions()) == 3


def test_two_versions_are_refused(release, tmp_path, monkeypatch):
    for name in release.versions():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CITATION.cff").write_text("version: 9.9.9\n")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    with pytest.raises(release.Wrong, match=r"one version everywhere.*'9\.9\.9'"):
        release.the_version()


def test_what_is_built_holds_what_it_should(release, built):
    assert release.look_into(*built, nbprop.__version__) > 100


def rewritten(wheel, folder, change):
    """A copy of the wheel; change(name, content) gives what a file becomes, None to leave it out."""
    path = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
        if extra := change("", b""):
            new.writestr("extra.py", extra)
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda name, content: None if name.endswith("py.typed") else content, r"lacks \['nbprop/py\.typed'\]"),
        (lambda name, content: None if name.endswith("LICENSE") else content, "lacks its own.*LICENSE"),
        (lambda name, content: content or b"x = 1" if not name else content, r"should not.*extra\.py"),
        (lambda name, content: content.replace(b"\nVersion: ", b"\nVersion: 1"), "says version 10"),
        (lambda name, content: content.replace(b"Watch backprop", b"Watch"), "lacks the README"),
    ],
    ids=["py.typed", "license", "extra file", "version", "readme"],
)
def test_a_wheel_that_is_not_right_is_refused(release, built, tmp_path, change, words):
    wheel, sdist = built
    with pytest.raises(release.Wrong, match=words):
        release.look_into(rewritten(wheel, tmp_path, change), sdist, nbprop.__version__)


def test_a_wheel_that_is_too_large_is_refused(release, built, monkeypatch):
    monkeypatch.setattr(release, "LARGEST", 1_000_000)
    with pytest.raises(release.Wrong, match=r"the wheel has \d,\d{3},\d{3} bytes, more than 1,000,000"):
        release.look_into(*built, nbprop.__version__)


def test_a_release_is_not_tagged_before_it_has_a_day_and_is_committed(release, tmp_path, monkeypatch):
    def git(*words):
        settings = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", *settings, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    for key in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{key}_NAME", "a")
        monkeypatch.setenv(f"GIT_{key}_EMAIL", "a@example.org")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    git("init", "-q")
    (tmp_path / "CHANGELOG.md").write_text("## [1.2.3] - unreleased\n")
    with pytest.raises(release.Wrong, match="committed"):
        release.tag("1.2.3")
    git("add", ".")
    git("commit", "-qm", "first")
    with pytest.raises(release.Wrong, match="the day"):
        release.tag("1.2.3")
    (tmp_path / "CHANGELOG.md").write_text("## [1.2.3] - 2030-01-31\n")
    git("commit", "-qam", "second")
    release.tag("1.2.3")
    assert git("tag") == "v1.2.3\n"
