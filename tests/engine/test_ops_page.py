"""The page of ops: every op is on it, with its formulas, shapes, its name in PyTorch, and an example that does what it
shows. What an op lacks is named here: it is to be written into nbprop/engine/ops.md, or into the docstring."""

import importlib.util
import inspect
import re
from operator import attrgetter
from pathlib import Path

import pytest

from nbprop.engine import OPS, record

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)
FIRST, SECTIONS = reference.of_ops(reference.OPS.read_text())
OURS = {name: op for name, op in OPS.items() if op.__module__.startswith("nbprop.engine.")}
EXAMPLE = re.compile(r"```python\n(.*?)```\n```text\n(.*?)```", re.DOTALL)
SHAPES = re.compile(r"\bshapes?\b|\bsizes\b|\((N|T|V|n|\.\.\.)[^()]*,[^()]*\)")
every_op = pytest.mark.parametrize("name", OURS)


def test_every_op_has_a_section_and_every_section_an_op():
    assert OURS.keys() - SECTIONS.keys() == set(), "write their sections into nbprop/engine/ops.md"
    assert SECTIONS.keys() - OURS.keys() == set()


@every_op
def test_the_formula_forward_and_backward_and_the_shapes_are_said(name):
    said = f"{inspect.getdoc(OURS[name])} {SECTIONS[name].split('```')[0]}"
    assert re.search(r"= ", said) and "dL/d" in said, "formula forward, y = ..., and backward, dL/dx = ..."
    assert SHAPES.search(said), "shapes: any shape, or (N, C) -> (N,), in the docstring or the section"


@every_op
def test_the_example_has_three_lines_uses_the_op_and_prints_what_is_shown(name, capsys):
    ((code, shown),) = EXAMPLE.findall(SECTIONS[name])
    assert code.count("\n") <= 3 and max(map(len, code.splitlines())) <= 84, "three lines, as wide as the page"
    names = {}
    exec(compile(FIRST.split("```python\n")[1].split("```")[0], "ops.md", "exec"), names)
    with record() as tape:
        exec(compile(code, f"ops.md, {name}", "exec"), names)
    assert capsys.readouterr().out == shown
    assert name in {node.op.name for node in tape.nodes}
    assert ".backward()" in code and ".grad" in code


@every_op
def test_its_name_in_pytorch_is_one(name):
    (said,) = re.findall(r"^In PyTorch: (.*?)\.(?=\s)", SECTIONS[name], re.MULTILINE)
    known = re.findall(r"`((?:torch|Tensor)\.[\w.]+)", said)
    assert known or said.startswith("none"), "`torch.name`, or 'none', and what comes near"
    torch = pytest.importorskip("torch")
    for each in known:
        attrgetter(each.removeprefix("torch."))(torch)


def test_the_page_has_all_of_it():
    page = reference.ops_page()
    for name, op in OURS.items():
        section = page.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert SECTIONS[name] in section
        formula = inspect.getdoc(op).split("\n\n")[0]
        assert re.sub(r"[\\\s,;]", "", formula) in re.sub(r"[\\\s,;]", "", section), name
