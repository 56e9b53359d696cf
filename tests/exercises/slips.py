"""Slips of the pen: the source of a right answer, changed in one place, as somebody might well have written it: signs,
operators, constants, dropped and swapped terms, axes, comparisons, loops, returns. In the same order every time."""

import ast
import copy
import itertools

import numpy as np

ARITHMETIC = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Div,),
}
SIDES_MATTER = ast.Sub, ast.Div, ast.MatMult, ast.Pow
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
INSTEAD = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "argmin": "argmax",
    "maximum": "minimum",
    "minimum": "maximum",
    "all": "any",
    "any": "all",
    "var": "std",
    "std": "var",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "ones": "zeros",
    "tril": "triu",
    "triu": "tril",
    "tanh": "sin",
    "exp": "expm1",
    "log": "log2",
}
LEFT_OUT = {"sqrt", "exp", "log", "tanh", "abs", "sign", "square", "reversed", "sorted", "max", "mean", "norm"}

EITHER_WAY = {"min", "max", "minimum", "maximum", "add", "multiply", "hypot", "dist"}


def of_source(source, arguments=()):
    """(what was changed, source, is it a number that stands for an argument?) for a function's source.

    arguments: of one call, for the slip of writing a number where an argument, or the size of one, belongs.
    """
    tree = _parsed(source)
    function = tree.body[0]
    seen = {ast.unparse(tree)}
    for words, changed, fixed in _of_function(tree, function, arguments):
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text not in seen:
            seen.add(text)
            yield words, text, fixed


def broken(source):
    """(statement, source) with an error in place of each statement in turn: it shows up where the tests get there."""
    tree = _parsed(source)
    for k, (*_, node) in enumerate(list(_places(tree))):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef) and not docstring:
            changed = _replaced(tree, k, ast.parse("raise AssertionError").body[0])
            yield _short(node).splitlines()[0], ast.unparse(ast.fix_missing_locations(changed))


def _of_function(tree, function, arguments):
    names = [each.arg for each in function.args.args]
    values = dict(zip(names, arguments, strict=False))
    places = list(_places(tree))
    for k, (_, field, _, node) in enumerate(places):
        if isinstance(node, ast.expr):
            for new in _instead(node):
                yield f"`{_short(node)}` → `{_short(new)}`", _replaced(tree, k, new), False
            known = _size(node, values)
            if known is not None:
                yield f"`{_short(node)}` → `{known}`", _replaced(tree, k, ast.Constant(known)), True
        elif isinstance(node, ast.stmt) and field in ("body", "orelse"):
            before = [each for *_, each in places[:k] if isinstance(each, ast.stmt)]
            for words, new in _instead_of_statement(node, _assigned(before) | set(names)):
                yield words, _replaced(tree, k, new), False
    yield from _of_the_end(tree)
    for one, two in itertools.pairwise(names):
        renamed = _again(tree)
        swapped = {one: two, two: one}
        for argument in renamed.body[0].args.args:
            argument.arg = swapped.get(argument.arg, argument.arg)
        yield f"`{one}` and `{two}` swapped", renamed, False
    for name in names:
        value = values.get(name)
        if isinstance(value, int | float | np.number) and not isinstance(value, bool):
            fixed = _again(tree)
            number = ast.parse(f"{name} = {np.asarray(value).item()!r}").body
            fixed.body[0].body = number + fixed.body[0].body
            yield f"always `{name} = {value:.4g}`", fixed, True


def _again(tree):
    """A copy, many times faster than copy.deepcopy."""
    return _parsed(tree.source)


def _parsed(source):
    tree = ast.parse(source)
    tree.source = source
    return tree


def _places(node):
    """(parent, field, index or None, child), all the way down, without docstrings, annotations and formats."""
    for field, value in ast.iter_fields(node):
        for i, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not isinstance(child, ast.arguments | ast.JoinedStr):
                yield node, field, i, child
                yield from _places(child)


def _replaced(tree, k, new):
    changed = _again(tree)
    parent, field, index, _ = list(_places(changed))[k]
    if index is None:
        setattr(parent, field, new)
    elif new is None:
        del getattr(parent, field)[index]
        getattr(parent, field) or getattr(parent, field).append(ast.Pass())
    else:
        getattr(parent, field)[index : index + 1] = new if isinstance(new, list) else [new]
    return changed


def _short(node):
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "..."


def _instead(node):
    """Expressions that one might write in place of this one."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield from (ast.BinOp(left, other(), right) for other in ARITHMETIC.get(type(op), ()))
            if isinstance(op, SIDES_MATTER):
                yield ast.BinOp(right, op, left)
            if isinstance(op, ast.MatMult):
                yield from (ast.BinOp(_turned(left), op, right), ast.BinOp(left, op, _turned(right)))
            if isinstance(op, ast.FloorDiv):
                yield ast.UnaryOp(ast.USub(), ast.BinOp(ast.UnaryOp(ast.USub(), left), op, right))
            yield left
            yield right
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
            yield from [ast.Constant(-value)] if value else []
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Attribute(attr="T", value=value):
            yield value
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield from (ast.Compare(left, [other()], [right]) for other in COMPARISONS.get(type(op), ()))
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from values
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from (ast.IfExp(test, orelse, body), body, orelse)
        case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper, step=step)):
            yield from [ast.Subscript(value, ast.Slice(None, upper, step))] if lower else []
            yield from [ast.Subscript(value, ast.Slice(lower, None, step))] if upper else []
            yield from [ast.Subscript(value, ast.Slice(lower, upper, None))] if step else []
            yield value
        case ast.Subscript(value=value, slice=ast.Name(), ctx=ast.Load()):
            yield value
        case ast.ListComp(elt=elt, generators=generators) if generators[0].ifs:
            yield ast.ListComp(elt, [ast.comprehension(g.target, g.iter, [], g.is_async) for g in generators])
        case ast.Call():
            yield from _instead_of_call(node)


def _instead_of_call(node):
    function, arguments, keywords = node.func, node.args, node.keywords
    method = isinstance(function, ast.Attribute)
    name = function.attr if method else getattr(function, "id", "")
    of_module = method and isinstance(function.value, ast.Name) and function.value.id in ("np", "math", "nb")
    if method and name in INSTEAD:
        yield ast.Call(ast.Attribute(function.value, INSTEAD[name], ast.Load()), arguments, keywords)
    if name in LEFT_OUT and (arguments or method):
        yield function.value if method and not of_module and name != "norm" else arguments[0]
    if name == "range":
        yield from _other_ranges(arguments)
    for i, keyword in enumerate(keywords):
        others = keywords[:i] + keywords[i + 1 :]
        yield ast.Call(function, arguments, others)
        if keyword.arg in ("axis", "dim") and isinstance(keyword.value, ast.Constant | ast.UnaryOp):
            now = ast.literal_eval(keyword.value)
            other = {0: 1, 1: 0, -1: 0}.get(now, 0)
            yield ast.Call(function, arguments, [ast.keyword(keyword.arg, ast.Constant(other)), *others])
    for i in range(len(arguments) - 1 if name not in EITHER_WAY else 0):
        yield ast.Call(function, [*arguments[:i], arguments[i + 1], arguments[i], *arguments[i + 2 :]], keywords)


def _other_ranges(arguments):
    def moved(argument, by):
        return ast.BinOp(argument, ast.Add() if by > 0 else ast.Sub(), ast.Constant(abs(by)))

    def a_range(*arguments):
        return ast.Call(ast.Name("range", ast.Load()), list(arguments), [])

    if len(arguments) == 1:
        yield from (a_range(moved(arguments[0], -1)), a_range(ast.Constant(1), arguments[0]))
        yield a_range(moved(arguments[0], 1))
    else:
        first, last, *step = arguments
        yield from (a_range(moved(first, by), last, *step) for by in (1, -1))
        yield from (a_range(first, moved(last, by), *step) for by in (1, -1))


def _turned(node):
    return node.value if isinstance(node, ast.Attribute) and node.attr == "T" else ast.Attribute(node, "T", ast.Load())


def _size(node, values):
    """The number that this expression is, if it is the size of an argument: `len(x)`, `x.size`, `x.shape[0]`."""
    match node:
        case (
            ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)])
            | ast.Attribute(value=ast.Name(id=name), attr="size")
            | ast.Subscript(value=ast.Attribute(value=ast.Name(id=name), attr="shape"), slice=ast.Constant())
        ) if name in values:
            return int(eval(compile(ast.Expression(node), "", "eval"), {**values}))
    return None


def _assigned(statements):
    """Names that these statements give a value to."""
    within = (node for statement in statements for node in ast.walk(statement))
    return {node.id for node in within if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _instead_of_statement(node, known):
    """(what was changed, statement, or list of them, or None: nothing) in place of this one."""
    without = f"without `{_short(node).splitlines()[0]}`"
    match node:
        case ast.AugAssign(target=target, op=op, value=value):
            yield without, None
            yield f"`{_short(node)}`: = in place of the sum", ast.Assign([_stored(target)], value)
            if isinstance(op, ast.Add | ast.Sub):
                other = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
                new = ast.AugAssign(target, other, value)
                yield f"`{_short(node)}` → `{_short(new)}`", new
        case ast.Assign(targets=targets) if {
            each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)
        } <= known:
            yield without, None
        case ast.Expr(value=ast.Call()):
            yield without, None
        case ast.If(test=test, body=body, orelse=orelse):
            yield f"`if {_short(test)}`: always", body
            yield f"`if {_short(test)}`: never", orelse or None
        case ast.Return(value=ast.Tuple(elts=elements)):
            for i in range(len(elements) - 1):
                swapped = [*elements[:i], elements[i + 1], elements[i], *elements[i + 2 :]]
                yield f"returns {i + 1} and {i + 2} swapped", ast.Return(ast.Tuple(swapped, ast.Load()))
            for i, each in enumerate(elements):
                for scaled in _scaled(each):
                    rest = ast.Tuple([*elements[:i], scaled, *elements[i + 1 :]], ast.Load())
                    yield f"returns `{_short(scaled)}` for `{_short(each)}`", ast.Return(rest)
            yield "returns the first alone", ast.Return(elements[0])
            yield "without return", ast.Expr(node.value)
        case ast.Return(value=ast.expr() as value):
            for scaled in _scaled(value):
                yield f"returns `{_short(scaled)}`", ast.Return(scaled)
            yield f"`{_short(node)}` without return", ast.Expr(value)


def _scaled(node):
    yield ast.UnaryOp(ast.USub(), node)
    for op, number in ((ast.Mult(), 2), (ast.Div(), 2), (ast.Add(), 1), (ast.Sub(), 1), (ast.Pow(), 2)):
        yield ast.BinOp(node, op, ast.Constant(number))


def _stored(target):
    new = copy.deepcopy(target)
    new.ctx = ast.Store()
    return new


def _of_the_end(tree):
    """The last return, one step too far in: within the loop before it."""
    body = tree.body[0].body
    if len(body) > 1 and isinstance(body[-1], ast.Return) and isinstance(body[-2], ast.For | ast.While):
        changed = _again(tree)
        end = changed.body[0].body.pop()
        changed.body[0].body[-1].body.append(end)
        yield f"`{_short(end)}` inside the loop", changed, False
