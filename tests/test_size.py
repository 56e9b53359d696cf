"""The engine, the layers and the optimizers stay small enough to be read: their lines of code are counted."""

import ast
import io
import tokenize
from pathlib import Path

import nbprop

PACKAGE = Path(nbprop.__file__).parent
STOREYS = ("engine", "nn", "optim")
LIMIT = 7_540
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(text):
    """Numbers of the lines on which there is code: no blank lines, no comments, no docstrings."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return lines


def test_what_counts_as_a_line_of_code():
    text = '''"""Docstring
of two lines."""
import math  # 1

# a comment

def f(x):  # 2
    """Docstring."""
    y = """text
    of three
    lines"""  # 3, 4, 5
    return (x,
            y)  # 6, 7
'''
    assert sorted(code_lines(text)) == [3, 7, 9, 10, 11, 12, 13]


def test_lines_of_code(capsys):
    files = [path for storey in STOREYS for path in sorted((PACKAGE / storey).glob("*.py"))]
    counts = {path.relative_to(PACKAGE): len(code_lines(path.read_text())) for path in files}
    total = sum(counts.values())
    each = ", ".join(
        f"{storey} {sum(n for path, n in counts.items() if path.parts[0] == storey):,}" for storey in STOREYS
    )
    with capsys.disabled():
        print(f"\n{total:,} lines of code of at most {LIMIT:,}: {each}")
    longest = sorted(counts, key=counts.get, reverse=True)[:8]
    assert total <= LIMIT, f"too many; the longest files: {', '.join(f'{path} {counts[path]}' for path in longest)}"
