"""What editors are told of `nb.views`: `python -m nbprop.views.base.stub` writes nbprop/views/__init__.pyi anew.

The factories come from the folder when the program runs, where no editor can see them. A test compares.
"""

import inspect
import json
import textwrap
from typing import Literal, get_args, get_origin

from .factory import factory
from .folder import FOLDER, kinds

PATH = FOLDER / "__init__.pyi"
HEAD = """\
# Written by `python -m nbprop.views.base.stub`: change the views, not this.
from typing import Any, Literal

from nbprop.record.source import Shown

from .board import Board as Board, Controls as Controls
"""


def stub() -> str:
    """The text: for each view a factory with its keywords, and the board it gives, with its options."""
    parts = [HEAD]
    for name, kind in kinds().items():
        make = factory(kind)
        parameters = inspect.signature(make).parameters
        fields = [f"    {option.name}: {_written(parameters[option.name])}" for option in kind.options]
        doc = textwrap.wrap((inspect.getdoc(kind) or "").partition("\n\n")[0], 112)
        parts += [
            "\n".join([f"class _{name}(Board):", *fields, ""]) if fields else f"class _{name}(Board): ...\n",
            f"def {name}(",
            *(f"    {each}," for each in _arguments(parameters.values())),
            f") -> _{name}:",
            '    """' + "\n    ".join(doc) + ('"""' if len(doc) == 1 else '\n    """') + "\n",
        ]
    return "\n".join(parts).rstrip() + "\n"


def _arguments(parameters):
    """As they stand in a signature."""
    star = False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not star:
            star = True
            yield "*"
        stars = "**" if p.kind is p.VAR_KEYWORD else ""
        default = "" if p.default is p.empty else f" = {_quoted(p.default)}"
        yield f"{stars}{p.name}: {_written(p)}{default}"


def _written(parameter):
    """Its type; what is told of it nowhere may be anything, but a source is one."""
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return "Shown" if parameter.name == "source" else "Any"
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(map(_quoted, get_args(annotation)))}]"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def _quoted(value):
    return json.dumps(value) if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    PATH.write_text(stub(), encoding="utf-8")
