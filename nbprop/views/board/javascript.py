"""Joins the JavaScript modules of the views and of the board into the one module that a widget can be given.

A module may `import { a, b as c } from "./other.js";` or "../base/other.js", and export by `export` in front of a
declaration. Each becomes a function scope that returns what it exports. The entry, which hands the board the `draw` of
every view in the folder, is written here: there is no list of views in JavaScript either.
"""

import posixpath
import re
from functools import cache

from ..base.folder import FOLDER, names

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.\.?/[\w./-]+)\.js";[ \t]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) +([\w$]+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import\b(?!\()|export\b).*$", re.MULTILINE)


def style(*more) -> str:
    """The style sheets of a board, behind those of these names."""
    sheets = (*more, "board", "about", "native", "player", "tools")
    return "".join((FOLDER / "board" / f"{name}.css").read_text(encoding="utf-8") for name in sheets)


@cache
def bundle(folder=FOLDER) -> str:
    """The text of the one module: board and views, with the default export that a widget needs."""
    return join(entry(names(folder)), folder)


@cache
def program(views, folder=FOLDER) -> str:
    """The text of a script for a page of its own, with these views (a tuple of names)."""
    return _joined(_with(views, "start", "./board/standalone.js", "start"), folder)


def entry(views) -> str:
    """The module that knows all views and starts the board."""
    return _with(views, "widget", "./board/board.js", "export default widget")


def _with(views, name, module, call):
    imports = [f'import {{ draw as {view} }} from "./{view}.js";' for view in views]
    return "\n".join([f'import {{ {name} }} from "{module}";', *imports, f"{call}({{ {', '.join(views)} }});\n"])


def join(text, folder=FOLDER) -> str:
    """The module `text`, which lies in the folder, with all that it imports, directly or not."""
    return _joined(text, folder) + f"export default {_name('entry')}.default;\n"


def _joined(text, folder):
    modules = {}
    _collect("entry", text, folder, modules, ())
    return "\n".join(modules.values())


def _collect(module, text, folder, modules, path):
    path = (*path, module)
    for _, relative in _IMPORT.findall(text):
        other = _resolved(module, relative)
        if other in path:
            raise ValueError(f"modules import each other in a circle: {' -> '.join((*path, other))}")
        if other in modules:
            continue
        file = folder / f"{other}.js"
        if not file.is_file():
            raise FileNotFoundError(f"{module}: expected a module {other}.js in {folder}")
        _collect(other, file.read_text(encoding="utf-8"), folder, modules, path)
    modules[module] = _scope(module, text)


def _resolved(module, relative):
    """board/board and ../base/math -> base/math."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), relative))


def _scope(module, text):
    """const $loss = (() => { const { a, b: c } = $base_plot; ...; return { draw }; })();"""
    exports = _EXPORT.findall(text)
    text = _IMPORT.sub(
        lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = {_name(_resolved(module, found[2]))};", text
    )
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
    return "$" + re.sub(r"\W", "_", module)
