"""Owns how theories are made up: a few data types, and functions on them, well-known and random ones."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmstep_lsp.corpus.language import (
    BOOL,
    LIST,
    LISTS,
    NAT,
    NATURALS,
    OPERATORS,
    Application,
    Clause,
    Constructor,
    DataType,
    Evaluator,
    Function,
    Term,
    Theory,
    TooMuchError,
    Value,
    Variable,
    heads,
)
from llmstep_lsp.corpus.words import FUNCTION_WORDS, KNOWN_WORDS, TYPE_WORDS

_SELF = "self"
# Constructors by the types of their fields; what they may be called, and how likely the type is.
_SHAPES: tuple[tuple[int, tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]], ...] = (
    (4, ((), (_SELF,)), (("zero", "succ"), ("z", "s"), ("none", "more"), ("O", "S"), ("start", "next"))),
    (5, ((), (NAT, _SELF)), (("nil", "cons"), ("empty", "add"), ("done", "item"), ("stop", "push"))),
    (2, ((), (_SELF, NAT)), (("nil", "snoc"), ("empty", "then"), ("root", "below"))),
    (1, ((), (BOOL, _SELF)), (("nil", "bit"), ("quiet", "signal"))),
    (4, ((), (_SELF, NAT, _SELF)), (("leaf", "node"), ("empty", "branch"), ("tip", "bin"))),
    (3, ((NAT,), (_SELF, _SELF)), (("leaf", "node"), ("tip", "fork"), ("one", "both"), ("val", "plus"))),
    (2, ((), (_SELF, _SELF)), (("leaf", "node"), ("dot", "pair"))),
    (2, ((NAT,), (_SELF,), (_SELF, _SELF)), (("lit", "neg", "add"), ("num", "inc", "sum"))),
    (1, ((), (_SELF,), (_SELF,)), (("unit", "left", "right"), ("e", "a", "b"), ("top", "odd", "even"))),
    (1, ((), (), ()), (("red", "green", "blue"), ("low", "mid", "high"), ("rock", "paper", "scissors"))),
)
# Begins the name of a function in the making, so that it is not that of another one.
_MAKING = "·"
_VARIABLES = {NAT: "nmk", BOOL: "pqb"}
_SAMPLES = 40


def make_theory(name: str, rng: random.Random) -> Theory:
    """A theory of this name; the same `rng` makes the same one."""
    theory = Theory(name, (), ())
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        theory = replace(theory, types=(*theory.types, _data_type(theory, rng)))
    wanted = rng.choice((2, 3, 3, 4))
    words = rng.sample(FUNCTION_WORDS, len(FUNCTION_WORDS))
    for _ in range(60):
        if len(theory.functions) == wanted:
            break
        make = _known if rng.random() < 0.7 else _random  # noqa: PLR2004
        function = make(theory, words[-1], rng)
        if function and _is_worth_it(theory, function, rng):
            theory = replace(theory, functions=(*theory.functions, function))
            words.pop()
    return theory


def variable_names(kind: str, theory: Theory) -> list[str]:
    """What variables of a type are called; those of another type of `theory` are called otherwise."""
    wanted = list(_usual_names(kind, theory))
    kinds = [NAT, BOOL, *(one.name for one in theory.types), LIST]
    taken = {name for other in kinds[: kinds.index(kind)] for name in variable_names(other, theory)}
    return [_untaken(name, taken) for name in wanted]


def _untaken(name: str, taken: set[str]) -> str:
    return name if name not in taken else _untaken(f"{name}'", taken)


def _usual_names(kind: str, theory: Theory) -> Sequence[str]:
    if kind in _VARIABLES:
        return _VARIABLES[kind]
    if kind == LIST or _shape(theory.type_named(kind))[1:] == ((NAT, _SELF),):
        return ["xs", "ys", "zs"]
    recursive = max(fields.count(_SELF) for fields in _shape(theory.type_named(kind)))
    return ["s", "t", "u"] if recursive > 1 else ["a", "b", "c"] if recursive else ["c", "d", "e"]


def sample(theory: Theory, kind: str, rng: random.Random, size: int = 6) -> Value:
    """A random value of type `kind`, made by about `size` constructors."""
    if kind == NAT:
        return rng.choice((0, 0, 1, 1, 2, 3, 4, 5, rng.randrange(9)))
    if kind == BOOL:
        return rng.random() < 0.5  # noqa: PLR2004
    constructors = list(enumerate(theory.type_named(kind).constructors))
    final = [(i, one) for i, one in constructors if kind not in one.fields]
    number, chosen = rng.choice(final if size <= 1 or rng.random() < 1 / (size + 1) else constructors)
    inner = max(1, chosen.fields.count(kind))
    return (number, *(sample(theory, field, rng, (size - 1) // inner) for field in chosen.fields))


def _data_type(theory: Theory, rng: random.Random) -> DataType:
    weights = [weight for weight, _, _ in _SHAPES]
    _, shape, names = rng.choices(_SHAPES, weights)[0]
    taken = {one.name for one in theory.types}
    name = rng.choice([word for word in TYPE_WORDS if word not in taken])
    constructors = (
        Constructor(constructor, tuple(name if field == _SELF else field for field in fields))
        for constructor, fields in zip(rng.choice(names), shape, strict=True)
    )
    return DataType(name, tuple(constructors))


def _shape(kind: DataType) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(_SELF if field == kind.name else field for field in constructor.fields)
        for constructor in kind.constructors
    )


def _recursive_types(theory: Theory) -> list[DataType]:
    own = [kind for kind in theory.types if any(kind.name in c.fields for c in kind.constructors)]
    return [*own, *own, *own, NATURALS, LISTS]


def _field_names(kind: DataType, number: int) -> tuple[Variable, ...]:
    """Variables for the fields of a constructor."""
    fields = kind.constructors[number].fields
    recursive = {1: ["rest"], 2: ["l", "r"]}.get(fields.count(kind.name), [])
    if _shape(kind)[1:] == ((NAT, _SELF),) or kind.name == LIST:
        recursive = ["xs"]
    elif fields == (kind.name,):
        recursive = ["n"]
    others = ["b", "c"] if BOOL in fields else ["x", "y"]
    return tuple(
        Variable(recursive.pop(0) if field == kind.name else others.pop(0), field) for field in fields
    )


# ----- well-known functions ---------------------------------------------------------------


def _known(theory: Theory, _: str, rng: random.Random) -> Function | None:
    kind = rng.choice(_recursive_types(theory))
    makers = [make for shape, make in _KNOWN if shape == _shape(kind)]
    if not makers:
        return None
    function = rng.choice(makers)(theory, kind, rng)
    if function is None:
        return None
    named = rng.choice(KNOWN_WORDS[function.name.removeprefix(_MAKING)])
    if theory.function(named) or any(_renamed(one, function.name) == function for one in theory.functions):
        return None
    function = _renamed(function, named)
    if len(function.parameters) == 2 and rng.random() < 0.35:  # noqa: PLR2004
        function = _swapped(function)
    return function


def _renamed(function: Function, name: str) -> Function:
    def rename(term: Term) -> Term:
        if isinstance(term, Variable):
            return term
        head = name if term.head == function.name else term.head
        return replace(term, head=head, arguments=tuple(map(rename, term.arguments)))

    clauses = tuple(replace(clause, body=rename(clause.body)) for clause in function.clauses)
    return replace(function, name=name, clauses=clauses)


def _swapped(function: Function) -> Function:
    """The same function, its two parameters the other way round."""

    def swap(term: Term) -> Term:
        if isinstance(term, Variable):
            return term
        arguments = tuple(map(swap, term.arguments))
        return replace(term, arguments=arguments[::-1] if term.head == function.name else arguments)

    clauses = tuple(replace(clause, body=swap(clause.body)) for clause in function.clauses)
    return replace(function, parameters=function.parameters[::-1], on=1 - function.on, clauses=clauses)


def _apply(head: str, kind: str, *arguments: Term) -> Application:
    return Application(head, arguments, kind)


def _nat(operator: str, *arguments: Term) -> Application:
    return _apply(operator, OPERATORS[operator][1], *arguments)


class _Shaped:
    """What the makers of well-known functions say of a type: constructors, and a function in the making."""

    def __init__(self, kind: DataType, name: str, result: str, *others: Variable) -> None:
        self.kind = kind
        self.name = _MAKING + name
        self.result = result
        self.parameters = (Variable("arg", kind.name), *others)
        self.fields = [_field_names(kind, i) for i in range(len(kind.constructors))]

    def make(self, number: int, *arguments: Term) -> Application:
        """A value of the type by its constructor `number`."""
        return _apply(self.kind.head(number), self.kind.name, *arguments)

    def again(self, first: Term, *others: Term) -> Application:
        """The function itself, applied; to its own other parameters if none are given."""
        return _apply(self.name, self.result, first, *(others or self.parameters[1:]))

    def function(self, *bodies: Term) -> Function:
        """The function with these values."""
        clauses = tuple(Clause(f, body) for f, body in zip(self.fields, bodies, strict=True))
        return Function(self.name, self.parameters, self.result, 0, clauses)


_Maker = Callable[[Theory, DataType, random.Random], Function | None]


def _first(theory: Theory, parameters: tuple[str, ...], result: str) -> str | None:
    """The name of a function of these types that the theory has."""
    for one in theory.functions:
        if tuple(p.kind for p in one.parameters) == parameters and one.result == result and one.on == 0:
            return one.name
    return None


def _add(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "add", kind.name, Variable("m", kind.name))
    return s.function(s.parameters[1], s.make(1, s.again(s.fields[1][0])))


def _multiply(theory: Theory, kind: DataType, _: random.Random) -> Function | None:
    add = _first(theory, (kind.name, kind.name), kind.name)
    s = _Shaped(kind, "mul", kind.name, Variable("m", kind.name))
    if add is None:
        return None
    return s.function(s.make(0), _apply(add, kind.name, s.parameters[1], s.again(s.fields[1][0])))


def _double(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "double", kind.name)
    return s.function(s.make(0), s.make(1, s.make(1, s.again(s.fields[1][0]))))


def _parity(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "even", BOOL)
    return s.function(_nat("true"), _nat("!", s.again(s.fields[1][0])))


def _to_nat(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "value", NAT)
    return s.function(_nat("0"), _nat("succ", s.again(s.fields[1][0])))


def _sum_to(_: Theory, kind: DataType, __: random.Random) -> Function | None:
    if kind.name != NAT:
        return None
    s = _Shaped(kind, "sumTo", NAT)
    (n,) = s.fields[1]
    return s.function(_nat("0"), _nat("+", s.again(n), _nat("succ", n)))


def _power(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "pow", NAT, Variable("m", NAT))
    return s.function(_nat("1"), _nat("*", s.parameters[1], s.again(s.fields[1][0])))


def _factorial(_: Theory, kind: DataType, __: random.Random) -> Function | None:
    if kind.name != NAT:
        return None
    s = _Shaped(kind, "fact", NAT)
    (n,) = s.fields[1]
    return s.function(_nat("1"), _nat("*", _nat("succ", n), s.again(n)))


def _append(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "append", kind.name, Variable("ys", kind.name))
    x, xs = s.fields[1]
    return s.function(s.parameters[1], s.make(1, x, s.again(xs)))


def _reverse(theory: Theory, kind: DataType, _: random.Random) -> Function | None:
    s = _Shaped(kind, "reverse", kind.name)
    x, xs = s.fields[1]
    append = "++" if kind.name == LIST else _first(theory, (kind.name, kind.name), kind.name)
    if append is None:
        return None
    return s.function(s.make(0), _apply(append, kind.name, s.again(xs), s.make(1, x, s.make(0))))


def _reverse_onto(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "reverseOnto", kind.name, Variable("acc", kind.name))
    x, xs = s.fields[1]
    return s.function(s.parameters[1], s.again(xs, s.make(1, x, s.parameters[1])))


def _length(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "length", NAT)
    return s.function(_nat("0"), _nat("succ", s.again(s.fields[1][1])))


def _length_onto(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "lengthOnto", NAT, Variable("acc", NAT))
    return s.function(s.parameters[1], s.again(s.fields[1][1], _nat("succ", s.parameters[1])))


def _total(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "total", NAT)
    x, xs = s.fields[1]
    return s.function(_nat("0"), _nat("+", x, s.again(xs)))


def _map(_: Theory, kind: DataType, rng: random.Random) -> Function:
    s = _Shaped(kind, "map", kind.name)
    x, xs = s.fields[1]
    changed = rng.choice((_nat("succ", x), _nat("+", x, x), _nat("*", _nat("2"), x)))
    return s.function(s.make(0), s.make(1, changed, s.again(xs)))


def _at_end(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "atEnd", kind.name, Variable("y", NAT))
    x, xs = s.fields[1]
    return s.function(s.make(1, s.parameters[1], s.make(0)), s.make(1, x, s.again(xs)))


def _twice(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "twice", kind.name)
    x, xs = s.fields[1]
    return s.function(s.make(0), s.make(1, x, s.make(1, x, s.again(xs))))


def _count(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "count", NAT, Variable("a", NAT))
    x, xs = s.fields[1]
    again = s.again(xs)
    body = _apply("if", NAT, _nat("==", x, s.parameters[1]), _nat("succ", again), again)
    return s.function(_nat("0"), body)


def _member(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "member", BOOL, Variable("a", NAT))
    x, xs = s.fields[1]
    return s.function(_nat("false"), _nat("||", _nat("==", x, s.parameters[1]), s.again(xs)))


def _remove(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "remove", kind.name, Variable("a", NAT))
    x, xs = s.fields[1]
    again = s.again(xs)
    body = _apply("if", kind.name, _nat("==", x, s.parameters[1]), again, s.make(1, x, again))
    return s.function(s.make(0), body)


def _mirror(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "mirror", kind.name)
    bodies = []
    for number, fields in enumerate(s.fields):
        inner = [s.again(f) for f in fields if f.kind == kind.name][::-1]
        bodies.append(s.make(number, *(inner.pop(0) if f.kind == kind.name else f for f in fields)))
    return s.function(*bodies)


def _size(_: Theory, kind: DataType, rng: random.Random) -> Function:
    s = _Shaped(kind, "size", NAT)
    zero = rng.choice(("0", "1"))
    return s.function(
        *(_summed(s, fields, _nat("1") if inner else _nat(zero)) for fields, inner in _inner(s))
    )


def _height(_: Theory, kind: DataType, __: random.Random) -> Function:
    s = _Shaped(kind, "height", NAT)
    bodies: list[Term] = []
    for _fields, inner in _inner(s):
        parts = [s.again(f) for f in inner]
        highest = _nat("max", *parts) if len(parts) == 2 else parts[0] if parts else None  # noqa: PLR2004
        bodies.append(_nat("succ", highest) if highest else _nat("0"))
    return s.function(*bodies)


def _contents(_: Theory, kind: DataType, __: random.Random) -> Function:
    """The sum of all numbers in a tree."""
    s = _Shaped(kind, "contents", NAT)
    bodies: list[Term] = []
    for fields, inner in _inner(s):
        parts = [s.again(f) if f in inner else f for f in fields if f in inner or f.kind == NAT]
        body: Term = parts[0] if parts else _nat("0")
        for part in parts[1:]:
            body = _nat("+", body, part)
        bodies.append(body)
    return s.function(*bodies)


def _flatten(_: Theory, kind: DataType, __: random.Random) -> Function | None:
    s = _Shaped(kind, "flatten", LIST)
    if not any(NAT in c.fields for c in kind.constructors):
        return None
    bodies: list[Term] = []
    for fields, inner in _inner(s):
        parts: list[Term] = [
            s.again(f) if f in inner else _apply("::", LIST, f, _apply("[]", LIST))
            for f in fields
            if f in inner or f.kind == NAT
        ]
        body: Term = parts[0] if parts else _apply("[]", LIST)
        for part in parts[1:]:
            body = _apply("++", LIST, body, part)
        bodies.append(body)
    return s.function(*bodies)


def _inner(s: _Shaped) -> list[tuple[tuple[Variable, ...], list[Variable]]]:
    return [(fields, [f for f in fields if f.kind == s.kind.name]) for fields in s.fields]


def _summed(s: _Shaped, fields: tuple[Variable, ...], last: Term) -> Term:
    body = last
    for field in reversed([f for f in fields if f.kind == s.kind.name]):
        body = _nat("+", s.again(field), body)
    return body


_NAT_LIKE = ((), (_SELF,))
_LIST_LIKE = ((), (NAT, _SELF))
_TREES = (((), (_SELF, NAT, _SELF)), ((NAT,), (_SELF, _SELF)), ((), (_SELF, _SELF)))
_KNOWN: list[tuple[tuple[tuple[str, ...], ...], _Maker]] = [
    *((_NAT_LIKE, make) for make in (_add, _add, _multiply, _double, _parity)),
    *((_NAT_LIKE, make) for make in (_to_nat, _sum_to, _power, _factorial)),
    *((_LIST_LIKE, make) for make in (_append, _append, _reverse, _reverse, _reverse_onto, _length, _length)),
    *((_LIST_LIKE, make) for make in (_length_onto, _total, _map, _at_end, _twice, _count, _member, _remove)),
    *((shape, make) for shape in _TREES for make in (_mirror, _size, _height, _contents, _flatten)),
]  # fmt: skip


# ----- random functions -------------------------------------------------------------------


def _random(theory: Theory, name: str, rng: random.Random) -> Function | None:
    if theory.function(name):
        return None
    kind = rng.choice(_recursive_types(theory))
    kinds = [kind.name, kind.name, NAT, BOOL, *(one.name for one in theory.types), LIST]
    others = tuple(rng.choice(kinds) for _ in range(rng.choice((0, 0, 1, 1, 2))))
    result = rng.choice(kinds)
    names: dict[str, list[str]] = {}
    parameters = [Variable("arg", kind.name)]
    for other in others:
        free = names.setdefault(other, variable_names(other, theory))
        parameters.append(Variable(f"{free.pop(0)}'", other))
    s = _Shaped(kind, name, result, *parameters[1:])
    bodies = []
    for fields, inner in _inner(s):
        grower = _Grower(theory, rng, [*fields, *parameters[1:]])
        for field in inner:
            changed = [
                grower.term(p.kind, 1) if rng.random() < 0.3 else p  # noqa: PLR2004
                for p in parameters[1:]
            ]
            grower.atoms += [s.again(field, *changed)] * 2 if others else [s.again(field)] * 2
        bodies.append(grower.term(result, 2 if inner else 1))
    return _renamed(s.function(*bodies), name)


class _Grower:
    """Grows random terms from `atoms`."""

    def __init__(self, theory: Theory, rng: random.Random, atoms: Sequence[Term]) -> None:
        self._theory = theory
        self._rng = rng
        self.atoms = list(atoms)

    def term(self, kind: str, depth: int) -> Term:
        """A term of type `kind`, no deeper than `depth` unless nothing else is of that type."""
        fitting = [atom for atom in self.atoms if atom.kind == kind]
        heads_ = self._heads(kind)
        flat = [(head, fields) for head, fields in heads_ if not fields]
        deep = [(head, fields) for head, fields in heads_ if fields]
        if depth > 0 and deep and self._rng.random() < 0.7:  # noqa: PLR2004
            if self._rng.random() < 0.1:  # noqa: PLR2004
                condition = self.term(BOOL, 1)
                return _apply("if", kind, condition, self.term(kind, depth - 1), self.term(kind, depth - 1))
            head, fields = self._rng.choice(deep)
            return _apply(head, kind, *(self.term(field, depth - 1) for field in fields))
        if fitting and (not flat or self._rng.random() < 0.85):  # noqa: PLR2004
            return self._rng.choice(fitting)
        if flat:
            head, _ = self._rng.choice(flat)
            return _apply(head, kind)
        head, fields = self._rng.choice([one for one in deep if kind not in one[1]] or deep)
        return _apply(head, kind, *(self.term(field, 0) for field in fields))

    def _heads(self, kind: str) -> list[tuple[str, tuple[str, ...]]]:
        own = next((one for one in self._theory.types if one.name == kind), None)
        if own:
            found = [(own.head(number), c.fields) for number, c in enumerate(own.constructors)]
        else:
            found = [
                (head, fields)
                for head, (fields, result) in OPERATORS.items()
                if result == kind and head not in {"2", "-", "*", "max", "min"}
            ]
        for function in self._theory.functions:
            if function.result == kind:
                found += [(function.name, tuple(p.kind for p in function.parameters))] * 2
        return found


def _is_worth_it(theory: Theory, function: Function, rng: random.Random) -> bool:
    """Whether `function` does something, and not too much: its values differ, and from its arguments."""
    if not any(function.name in heads(clause.body) for clause in function.clauses):
        return False
    evaluator = Evaluator(replace(theory, functions=(*theory.functions, function)))
    rows: list[tuple[Value, tuple[Value, ...]]] = []
    for _ in range(_SAMPLES):
        arguments = tuple(sample(theory, p.kind, rng, 4) for p in function.parameters)
        try:
            rows.append((evaluator.apply(function.name, arguments), arguments))
        except TooMuchError:
            return False
    if len({value for value, _ in rows}) < (2 if function.result == BOOL else 4):
        return False
    return all(any(value != row[i] for value, row in rows) for i in range(len(function.parameters)))
