"""Owns the settings of the language server: their names, defaults and checks."""

from dataclasses import dataclass, fields
from typing import Any

import cattrs
from cattrs import transform_error
from cattrs.preconf.json import make_converter


@dataclass(frozen=True)
class Settings:
    """What an editor may set, as `initializationOptions`."""

    lean: str | None = None
    """A `lean` executable, or the folder of a toolchain; otherwise the project's own is found."""

    generators: tuple[str, ...] = ("symbolic",)
    """Who proposes steps: each `engine` or `engine,option=value,…`."""

    model: str | None = None
    """One more generator: a model's folder, its name on the Hugging Face hub, or a model server's URL."""

    repair: bool = False
    """Whether models are asked a second time, and shown what Lean says of their best candidates."""

    cache_megabytes: int = 0
    """How much of what models propose is kept on disk; 0: nothing is."""

    budget_seconds: float = 5.0
    """How long a request of the person may take before it answers with what is ready."""

    count: int = 8
    """How many suggestions are shown at most."""

    def __post_init__(self) -> None:
        if not 0 < self.budget_seconds <= 600:  # noqa: PLR2004  # ten minutes are no longer a wait
            raise ValueError("budgetSeconds must be above 0 and at most 600")
        if not 1 <= self.count <= 50:  # noqa: PLR2004  # a list that a person can still read
            raise ValueError("count must be from 1 to 50")
        if self.cache_megabytes < 0:
            raise ValueError("cacheMegabytes must be 0 or more")


def parse_settings(options: Any) -> tuple[Settings, list[str]]:
    """The settings in `options`, and a sentence for each that is wrong and so has its default."""
    if options is None:
        return Settings(), []
    if not isinstance(options, dict):
        return Settings(), [
            f"llmstep: the options must be an object, not {type(options).__name__}; all defaults are used."
        ]
    given: dict[str, Any] = {}
    problems: list[str] = []
    names = {_camel(field.name): field.name for field in fields(Settings)}
    for key, value in options.items():
        if key not in names:
            problems.append(f"llmstep: there is no setting `{key}`; there are {', '.join(names)}.")
            continue
        if reason := _problem(names[key], value):
            default = getattr(Settings(), names[key])
            problems.append(f"llmstep: setting `{key}` is wrong: {reason}. The default, {default}, is used.")
            continue
        given[names[key]] = value
    return _converter.structure(given, Settings), problems


def _problem(name: str, value: Any) -> str | None:
    """Why `value` cannot be the setting `name`, or None if it can."""
    try:
        _converter.structure({name: value}, Settings)
    except (cattrs.ClassValidationError, ValueError) as error:
        return "; ".join(
            message.partition(" @ ")[0] for message in transform_error(error, format_exception=_reason)
        )
    return None


def _reason(error: BaseException, _kind: object) -> str:
    return str(error)


def _strict(value: Any, kind: Any) -> Any:
    """`value`, which must be of `kind` already: the text "5" is not a number."""
    accepted = (int, float) if kind is float else (kind,)
    if (kind is not bool and isinstance(value, bool)) or not isinstance(value, accepted):
        raise ValueError(f"it must be {_NAMES[kind]}, not {value!r}")
    return value


def _texts(value: Any, _: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"it must be a list of texts, not {value!r}")
    return tuple(value)


_NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
_converter = make_converter()
_converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
for _kind in _NAMES:
    _converter.register_structure_hook(_kind, _strict)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
