"""Owns how the little language is written in Lean."""

from llmstep_lsp.corpus.language import BUILT_IN, DataType, Function, Term, Theory, Variable

_INFIX = {"+", "*", "-", "==", "&&", "||", "++", "::"}


def definitions(theory: Theory) -> str:
    """The types and functions of `theory`, an empty line behind each."""
    return "".join(
        [
            *(data_type(one) + "\n\n" for one in theory.types),
            *(function(theory, one) + "\n\n" for one in theory.functions),
        ]
    )


def data_type(kind: DataType) -> str:
    """An inductive type."""
    constructors = (f"  | {one.name} : {' → '.join([*one.fields, kind.name])}" for one in kind.constructors)
    return "\n".join([f"inductive {kind.name} where", *constructors])


def function(theory: Theory, one: Function) -> str:
    """A function, an equation for each clause."""
    kind = theory.type_named(one.parameters[one.on].kind)
    lines = [f"def {one.name} : {' → '.join([*(p.kind for p in one.parameters), one.result])}"]
    for constructor, clause in zip(kind.constructors, one.clauses, strict=True):
        mentioned = _names(clause.body)
        patterns = [p.name if p.name in mentioned else "_" for p in one.parameters]
        fields = [f.name if f.name in mentioned else "_" for f in clause.fields]
        patterns[one.on] = _pattern(kind, constructor.name, fields)
        lines.append(f"  | {', '.join(patterns)} => {term(clause.body)}")
    return "\n".join(lines)


def term(one: Term) -> str:
    """A term, with no brackets around it."""
    if isinstance(one, Variable):
        return one.name
    if one.head == "if":
        condition, then, otherwise = map(term, one.arguments)
        return f"if {condition} then {then} else {otherwise}"
    written = [_argument(argument) for argument in one.arguments]
    if one.head in _INFIX:
        return f"{written[0]} {one.head} {written[1]}"
    if one.head == "succ":
        return f"{written[0]} + 1"
    return f"!{written[0]}" if one.head == "!" else " ".join([one.head, *written])


def binders(variables: list[Variable]) -> str:
    """`variables` as a declaration binds them, a blank before each group of one type."""
    groups: dict[str, list[str]] = {}
    for one in variables:
        groups.setdefault(one.kind, []).append(one.name)
    return "".join(f" ({' '.join(names)} : {kind})" for kind, names in groups.items())


def _argument(one: Term) -> str:
    text = term(one)
    return f"({text})" if " " in text or text.startswith("!") else text


def _pattern(kind: DataType, constructor: str, fields: list[str]) -> str:
    if kind.name not in BUILT_IN:
        return " ".join([f".{constructor}", *fields])
    if constructor == "::":
        return " :: ".join(fields)
    if constructor == "succ":
        return f"{fields[0]} + 1"
    return constructor


def _names(one: Term) -> set[str]:
    if isinstance(one, Variable):
        return {one.name}
    return {name for argument in one.arguments for name in _names(argument)}
