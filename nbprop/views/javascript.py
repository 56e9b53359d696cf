"""Joins the JavaScript modules of this folder into the one module that a widget can be given.

A module here may `import { a, b as c } from "./other.js";` and export by `export` in front of a declaration; the entry
may have `export default`. Each module becomes a function scope that returns what it exports.
"""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.-]+)\.js";[ \t]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) +([\w$]+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import\b(?!\()|export\b).*$", re.MULTILINE)


@cache
def bundle(entry="board"):
    """`entry`.js with all that it imports, directly or not, as the text of one module with its default export."""
    modules = {}
    _collect(entry, modules, ())
    return "\n".join(modules.values()) + f"export default {_name(entry)}.default;\n"


def _collect(module, modules, path):
    if module in path:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*path, module))}")
    if module in modules:
        return
    file = FOLDER / f"{module}.js"
    if not file.is_file():
        raise FileNotFoundError(f"{path[-1] if path else 'bundle'}: expected a module {file.name} in {FOLDER}")
    text = file.read_text(encoding="utf-8")
    for _, other in _IMPORT.findall(text):
        _collect(other, modules, (*path, module))
    modules[module] = _scope(module, text)


def _scope(module, text):
    """const _loss = (() => { const { a, b: c } = _plot; ...; return { draw }; })();"""
    exports = _EXPORT.findall(text)
    text = _IMPORT.sub(lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = {_name(found[2])};", text)
    text = _EXPORT.sub("", text)
    text, default = _DEFAULT.subn("const __default = ", text)
    if rest := _LEFT_OVER.search(text):
        raise ValueError(
            f'{module}.js: expected imports of the form `import {{ a, b as c }} from "./other.js";` and `export` in '
            f"front of a function, class or const, got `{rest[0]}`"
        )
    gives = ", ".join([*exports, *(["default: __default"] if default else [])])
    return f"// {module}.js\nconst {_name(module)} = (() => {{\n{text.rstrip()}\nreturn {{ {gives} }};\n}})();\n"


def _name(module):
    return "$" + re.sub(r"\W", "_", module).strip("_")
