"""The reference: a page per storey, and one of every op; Markdown made of the docstrings."""

import inspect
import re
from importlib import import_module
from pathlib import Path

from nbprop import engine
from nbprop.training.knob import Knob

OPS = Path(engine.__file__).with_name("ops.md")

STOREYS = {
    "nbprop": "What is at the top",
    "engine": "Automatic differentiation: tensors, operations, backward",
    "nn": "Layers, initializers, losses",
    "optim": "Optimizers and schedules",
    "data": "Data sets",
    "record": "What is seen of a step: observations, quantities, the history",
    "theory": "What theory says: mean field, linear networks, stability",
    "training": "The trainer, its knobs and its history",
    "sources": "What else a view can watch: descents, walks",
    "diagnosis": "What is wrong with a run, in words",
    "views": "Live views",
    "exercises": "Graded exercises",
}
ENTRY = re.compile(r"^(?P<names>[\w*`\"]+(?:[,/ ]+[\w*`\"]+)*?)(?::\s|\s{2,})(?P<text>\S.*)$")
PART = re.compile(r"(?<=[.,;:])(?:  +|\n(?=dL/|[\w, ()*.^']{1,24} = ))")  # where a docstring begins another formula
CODE = re.compile(r"(`+[^`]*`+)")
FENCE = "`" * 6  # around directives, which hold fences of their own


def page(storey):
    """The page of a storey."""
    name = "nbprop" if storey == "nbprop" else f"nbprop.{storey}"
    module = import_module(name)
    lines = [f"# {STOREYS[storey]}", "", f"```{{py:module}} {name}", "```", "", markdown(inspect.getdoc(module)), ""]
    for public in sorted(module.__all__, key=lambda each: (each.lower(), each)):
        value = getattr(module, public)
        if inspect.isclass(value):
            lines += of_class(public, value)
        elif callable(value):
            lines += directive("function", f"{public}{signature(value)}", inspect.getdoc(value))
        elif not inspect.ismodule(value):
            lines += directive("data", public, constant(value))
    return "\n".join(lines)


def ops_page():
    """The page of every op: what its docstring says, how it is made, and what ops.md has of it."""
    first, sections = of_ops(OPS.read_text())
    lines = [first]
    ours = [engine.OPS[name] for name in sections]
    for module in dict.fromkeys(op.__module__ for op in ours):
        kind = (inspect.getdoc(import_module(module)) or "").split("\n\n")[0]
        lines += [f"## {module.rpartition('.')[2]}.py", "", plain(kind), ""]
        for op in (op for op in ours if op.__module__ == module):
            formula, *rest = re.split(r"\n\s*\n", inspect.getdoc(op) or "")
            stated = " \\\n".join(plain(" ".join(part.rstrip(",;").split())) for part in PART.split(formula))
            made = f"`{op.name}{signature(op)}`. "
            lines += [f"### {op.name}", "", stated, "", *map(paragraph, rest), "", made + sections[op.name], ""]
    return "\n".join(lines)


def of_ops(text):
    """(what stands at the top of ops.md, name of an op -> what it has of it)."""
    first, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    return first, {name: rest.strip() for name, _, rest in (section.partition("\n") for section in sections)}


def of_class(name, value):
    """A class with the public methods and properties of its own, and of those bases that are no public class; the
    others are described there."""
    kinds = [base for base in value.__mro__ if base is value or hidden(base)]
    members = []
    for public in sorted({each for kind in kinds for each in vars(kind)}):
        member, doc = getattr(value, public), inspect.getdoc(getattr(value, public))
        if public.startswith("_") or not doc:
            continue
        if isinstance(member, property | Knob):
            members += directive("property", public, doc, FENCE[1:])
        elif inspect.isfunction(member) or inspect.ismethod(member):
            members += directive("method", f"{public}{signature(member)}", doc, FENCE[1:])
    above = [base for kind in kinds for base in kind.__bases__ if base not in kinds]
    bases = [f"`{base.__name__}`" for base in dict.fromkeys(above) if base.__module__.startswith("nbprop")]
    more = [f"Has what {' and '.join(bases)} has.", ""] if bases else []
    return directive("class", f"{name}{signature(value)}", inspect.getdoc(value), FENCE, more + members)


def hidden(kind):
    """Is this a class of nbprop's that has no place of its own in the reference?"""
    storey = kind.__module__.split(".")[:2]
    return storey[0] == "nbprop" and kind.__name__ not in import_module(".".join(storey)).__all__


def directive(kind, heading, doc, fence=FENCE, members=()):
    return [f"{fence}{{py:{kind}}} {heading}", markdown(doc), "", *members, fence, ""]


def signature(value):
    """As it is called; defaults that only a machine can read are left out."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "()"
    parameters = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    parameters = [p.replace(default=...) if _for_machines(p.default) else p for p in parameters]
    return str(found.replace(parameters=parameters, return_annotation=found.empty)).replace("Ellipsis", "...")


def _for_machines(default):
    return default is not inspect.Parameter.empty and "<" in repr(default)


def constant(value):
    if isinstance(value, dict):
        return ", ".join(f"`{key!r}`" for key in value)
    return f"`{value!r}`"


# Docstrings: plain text with `code`, blocks indented by four, and lists of "name   what it is" or "name: what it is".


def markdown(doc):
    """A docstring as Markdown."""
    first, *others = re.split(r"\n\s*\n", doc or "")
    return "\n\n".join([plain(first), *map(paragraph, others)])


def paragraph(text):
    lines = text.splitlines()
    if all(line.startswith("    ") for line in lines):
        return text
    if "====" in lines[0].lstrip() or lines[0].lstrip().startswith(("|", "+-")):
        return f"```text\n{text}\n```"
    if lines[0].lstrip().startswith((">>>", "```")):
        return text if lines[0].lstrip().startswith("```") else f"```python\n{text}\n```"
    if any(ENTRY.match(line) for line in lines):
        return listing(lines)
    return plain(text)


def listing(lines):
    """Lines that are entries become a list; others continue what is before them."""
    out = []
    for line in lines:
        entry = ENTRY.match(line)
        if entry:
            out.append(f"- **{plain(entry['names'])}**: {plain(entry['text'])}")
        else:
            out.append(("  " if out and out[-1].startswith(("- ", "  ")) else "") + plain(line.strip()))
    first = next(i for i, line in enumerate(out) if line.startswith("- "))
    return "\n".join([*out[:first], *([""] if first else []), *out[first:]])


def plain(text):
    """With what Markdown would take for its own signs, escaped; `code` stays."""
    parts = CODE.split(text)
    return "".join(part if i % 2 else re.sub(r"([*_<>$|\[\]{}\\])", r"\\\1", part) for i, part in enumerate(parts))
