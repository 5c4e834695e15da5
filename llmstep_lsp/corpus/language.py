"""Owns the little language of made-up theories: data types, functions by recursion, and what terms come to.

A theory is written for Lean by `rendering`; here its functions run, so that a statement can be
tested on many values before Lean is asked for a proof.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Value = int | bool | tuple["Value | int", ...]
"""A natural number, a truth value, or a constructor's number and what it is applied to."""

NAT, BOOL, LIST = "Nat", "Bool", "List Nat"
BUILT_IN = (NAT, BOOL, LIST)

# What a value may cost: made-up functions can grow without bound.
_STEPS = 4000
_LARGEST = 10**6
_MOST_CONSTRUCTORS = 120


@dataclass(frozen=True)
class Variable:
    """A variable of type `kind`."""

    name: str
    kind: str


@dataclass(frozen=True)
class Application:
    """A constructor, a function or an operator of Lean (`head`) and its arguments; of type `kind`."""

    head: str
    arguments: "tuple[Term, ...]"
    kind: str


Term = Variable | Application


@dataclass(frozen=True)
class Constructor:
    """A way to make a value from values of the types `fields`."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class DataType:
    """An inductive type."""

    name: str
    constructors: tuple[Constructor, ...]

    def head(self, number: int) -> str:
        """What terms call the constructor `number`: that of a made-up type by the type's name, too."""
        name = self.constructors[number].name
        return name if self.name in BUILT_IN else f"{self.name}.{name}"


NATURALS = DataType(NAT, (Constructor("0", ()), Constructor("succ", (NAT,))))
LISTS = DataType(LIST, (Constructor("[]", ()), Constructor("::", (NAT, LIST))))
BOOLEANS = DataType(BOOL, (Constructor("false", ()), Constructor("true", ())))


@dataclass(frozen=True)
class Clause:
    """What a function is where its argument is made by one constructor, whose fields have these names."""

    fields: tuple[Variable, ...]
    body: Term


@dataclass(frozen=True)
class Function:
    """A function by recursion on the parameter number `on`, a clause for each constructor of its type."""

    name: str
    parameters: tuple[Variable, ...]
    result: str
    on: int
    clauses: tuple[Clause, ...]


class TooMuchError(Exception):
    """A value is too large, or takes too long."""


@dataclass(frozen=True)
class Theory:
    """Types and functions, each of which may use those before it."""

    name: str
    types: tuple[DataType, ...]
    functions: tuple[Function, ...]

    def type_named(self, name: str) -> DataType:
        """The data type of this name, of the theory or of Lean."""
        return next(one for one in (*self.types, NATURALS, LISTS, BOOLEANS) if one.name == name)

    def function(self, name: str) -> Function | None:
        """The theory's function of this name."""
        return next((one for one in self.functions if one.name == name), None)


def subterms(term: Term) -> list[Term]:
    """`term` and all terms in it."""
    inner = term.arguments if isinstance(term, Application) else ()
    return [term, *(part for one in inner for part in subterms(one))]


def heads(term: Term) -> set[str]:
    """All that is applied in `term`."""
    return {one.head for one in subterms(term) if isinstance(one, Application)}


def variables(*terms: Term) -> list[Variable]:
    """The variables of `terms`, each once, in the order in which they occur."""
    return list(dict.fromkeys(one for term in terms for one in subterms(term) if isinstance(one, Variable)))


def used(theory: Theory, terms: Sequence[Term]) -> list[Function]:
    """The functions of `theory` that `terms` use, and those that these use, in the theory's order."""
    wanted = {head for term in terms for head in heads(term)}
    for function in reversed(theory.functions):
        if function.name in wanted:
            wanted |= {head for clause in function.clauses for head in heads(clause.body)}
    return [function for function in theory.functions if function.name in wanted]


class Evaluator:
    """Runs the functions of a theory; remembers what they came to."""

    def __init__(self, theory: Theory) -> None:
        self._theory = theory
        self._known: dict[tuple[str, tuple[Value, ...]], Value] = {}
        self._constructors = {
            kind.head(number): number
            for kind in (*theory.types, LISTS)
            for number in range(len(kind.constructors))
        }
        self._steps = 0

    def value(self, term: Term, values: Mapping[str, Value]) -> Value:
        """What `term` comes to where its variables have `values`.

        Raises:
            TooMuchError: it takes too long, or is too large.
        """
        self._steps = 0
        return self._value(term, values)

    def _value(self, term: Term, values: Mapping[str, Value]) -> Value:
        if isinstance(term, Variable):
            return values[term.name]
        if term.head == "if":
            condition, then, otherwise = term.arguments
            return self._value(then if self._value(condition, values) else otherwise, values)
        return self.apply(term.head, tuple(self._value(one, values) for one in term.arguments))

    def apply(self, head: str, arguments: tuple[Value, ...]) -> Value:
        """What a constructor, an operator or a function gives for `arguments`; raises as `value`."""
        if head in _OPERATORS:
            return _bounded(_OPERATORS[head](*arguments))
        if head in self._constructors:
            return _bounded((self._constructors[head], *arguments))
        key = (head, arguments)
        if key not in self._known:
            self._steps += 1
            if self._steps > _STEPS:
                raise TooMuchError
            self._known[key] = self._called(head, arguments)
        return self._known[key]

    def _called(self, head: str, arguments: tuple[Value, ...]) -> Value:
        function = self._theory.function(head)
        if function is None:
            raise KeyError(head)
        matched = arguments[function.on]
        number, *fields = taken_apart(matched)
        clause = function.clauses[number]
        values = {one.name: value for one, value in zip(function.parameters, arguments, strict=True)}
        values |= {one.name: value for one, value in zip(clause.fields, fields, strict=True)}
        try:
            return self._value(clause.body, values)
        except RecursionError as error:
            raise TooMuchError from error


def taken_apart(value: Value) -> list["int"]:
    """The number of the constructor that made `value`, and what it was applied to."""
    if isinstance(value, bool):
        return [int(value)]
    if isinstance(value, int):
        return [0] if value == 0 else [1, value - 1]
    return list(value)  # type: ignore[arg-type]


def _constructors_of(value: Value, enough: int) -> int:
    """How many constructors made `value`; something above `enough` if there are more."""
    if not isinstance(value, tuple):
        return 0
    count = 1
    for field in value[1:]:
        if count > enough:
            break
        count += _constructors_of(field, enough - count)
    return count


def _bounded(value: Value) -> Value:
    if isinstance(value, int) and value > _LARGEST:
        raise TooMuchError
    if _constructors_of(value, _MOST_CONSTRUCTORS) > _MOST_CONSTRUCTORS:
        raise TooMuchError
    return value


def _appended(first: Value, second: Value) -> Value:
    if first == (0,):
        return second
    number, head, tail = first  # type: ignore[misc]
    return (number, head, _appended(tail, second))


_OPERATORS: Mapping[str, Callable[..., Value]] = {
    "0": lambda: 0,
    "1": lambda: 1,
    "2": lambda: 2,
    "true": lambda: True,
    "false": lambda: False,
    "succ": lambda a: a + 1,
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "-": lambda a, b: max(a - b, 0),
    "max": max,
    "min": min,
    "==": lambda a, b: a == b,
    "!": lambda a: not a,
    "&&": lambda a, b: a and b,
    "||": lambda a, b: a or b,
    "++": _appended,
}
OPERATORS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "0": ((), NAT),
    "1": ((), NAT),
    "2": ((), NAT),
    "true": ((), BOOL),
    "false": ((), BOOL),
    "succ": ((NAT,), NAT),
    "+": ((NAT, NAT), NAT),
    "*": ((NAT, NAT), NAT),
    "-": ((NAT, NAT), NAT),
    "max": ((NAT, NAT), NAT),
    "min": ((NAT, NAT), NAT),
    "==": ((NAT, NAT), BOOL),
    "!": ((BOOL,), BOOL),
    "&&": ((BOOL, BOOL), BOOL),
    "||": ((BOOL, BOOL), BOOL),
    "++": ((LIST, LIST), LIST),
    "[]": ((), LIST),
    "::": ((NAT, LIST), LIST),
}
"""Of what types the operators of Lean are that terms may use."""
