"""Owns the settings: their names, defaults, limits and descriptions, and what a value must be."""

import reprlib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, get_args


def _setting(description: str, *, default: Any, **limits: Any) -> Any:
    """A field of `Settings`; `limits` are keywords of JSON Schema, by which values are checked, too.

    One is ours: a setting that is `personal` is refused where it comes with other people's projects.
    """
    return field(default=default, metadata={"description": description, **limits})


@dataclass(frozen=True)
class Settings:
    """What a person may set.  Elsewhere a name is in camel case: `cacheMegabytes`.

    What each means stands in its `metadata`, for the schema and the documentation.
    """

    lean: str | None = _setting(
        "A `lean` executable, or the folder of a toolchain; otherwise the project's own is found.",
        default=None,
        personal=True,
    )
    generators: tuple[str, ...] = _setting(
        "Who proposes steps: each `ENGINE` or `ENGINE,OPTION=VALUE,…`.",
        default=("symbolic", "box"),
        personal=True,
    )
    model: str | None = _setting(
        "One more generator: a model's folder, its name on the Hugging Face hub, or a model server's URL.",
        default=None,
        personal=True,
    )
    repair: bool = _setting(
        "Whether models are asked a second time, and shown what Lean says of their best steps.",
        default=False,
    )
    cache_megabytes: int = _setting(
        "How much of what models propose is kept on disk, in megabytes; 0: nothing is.",
        default=0,
        minimum=0,
    )
    # Ten minutes are no longer a wait.
    budget_seconds: float = _setting(
        "How long a request may take before it answers with what is ready.",
        default=5.0,
        exclusiveMinimum=0,
        maximum=600,
    )
    # A list that a person can still read.
    count: int = _setting("How many suggestions are shown at most.", default=8, minimum=1, maximum=50)
    automatic: bool = _setting(
        "Whether steps are looked for, behind, wherever the cursor rests; else only when you ask.",
        default=True,
    )
    show_scores: bool = _setting("Whether titles show the mean token log-probability.", default=False)
    ghost_text: Literal["closing", "all", "off"] = _setting(
        "Which verified steps are shown as ghost text: those that finish the proof or close the goal, "
        "all, or none.",
        default="closing",
    )
    completion: bool = _setting("Whether verified steps are offered among completions.", default=True)
    prove_seconds: float = _setting(
        "How long the search for a whole proof may take.", default=60.0, exclusiveMinimum=0, maximum=3600
    )
    prove_nodes: int = _setting(
        "How many proof states the search for a whole proof may look at.",
        default=100,
        minimum=1,
        maximum=10_000,
    )
    prove_depth: int = _setting(
        "How many steps the search for a whole proof may take one after the other.",
        default=12,
        minimum=1,
        maximum=100,
    )
    prove_expansion: int = _setting(
        "How many steps the search for a whole proof tries at each proof state.",
        default=64,
        minimum=1,
        maximum=64,
    )
    accept_log: bool = _setting(
        "Whether the steps that you accept and those shown beside them are kept in a file on this machine.",
        default=False,
        personal=True,
    )
    log_level: Literal["error", "warning", "info", "debug"] = _setting(
        "What the log file keeps.", default="info"
    )


def key(setting: Field[Any]) -> str:
    """What `setting` is called outside of Python."""
    first, *rest = setting.name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def variable(setting: Field[Any]) -> str:
    """The environment variable of `setting`."""
    return f"LLMSTEP_{setting.name.upper()}"


SETTINGS: Mapping[str, Field[Any]] = {key(setting): setting for setting in fields(Settings)}
"""All settings by their keys."""


def choices(setting: Field[Any]) -> tuple[str, ...]:
    """The texts that `setting` may be, if it may only be some."""
    return () if setting.type in _KINDS else get_args(setting.type)


def kind(setting: Field[Any]) -> str:
    """What a value of `setting` must be, for people: "a number above 0 and at most 600"."""
    return f"{_words(setting)} {_range(setting)}".rstrip()


def checked(setting: Field[Any], value: Any) -> Any:
    """`value`, which came from JSON or TOML, as `Settings` has it.

    Raises:
        ValueError: it cannot be; the message says what it must be: the text "5" is no number.
    """
    if not _fits(setting, value):
        raise ValueError(f"it must be {_words(setting)}, not {reprlib.repr(value)}")
    if not _within(setting.metadata, value):
        raise ValueError(f"it must be {_range(setting)}, not {reprlib.repr(value)}")
    if isinstance(value, list):
        return tuple(value)
    return float(value) if setting.type is float else value


def from_text(setting: Field[Any], text: str) -> Any:
    """`text`, of a variable or a command line, as JSON would have it, or as it is if that fails."""
    if setting.type is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if setting.type in {int, float}:
        try:
            return setting.type(text)
        except ValueError:
            return text
    return text.split() if setting.type == tuple[str, ...] else text


_KINDS: dict[Any, str] = {
    str | None: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple[str, ...]: "a list of texts",
}


def _words(setting: Field[Any]) -> str:
    texts = choices(setting)
    return f"one of {', '.join(texts)}" if texts else _KINDS[setting.type]


def _fits(setting: Field[Any], value: Any) -> bool:
    """Whether `value` is of the kind of `setting`."""
    if texts := choices(setting):
        return value in texts
    if setting.type == tuple[str, ...]:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    accepted: Any = int | float if setting.type is float else setting.type
    return isinstance(value, accepted) and (setting.type is bool or not isinstance(value, bool))


def _within(limits: Mapping[str, Any], value: Any) -> bool:
    # So written that NaN, which Python reads from JSON, is within no limits.
    return (
        ("minimum" not in limits or value >= limits["minimum"])
        and ("exclusiveMinimum" not in limits or value > limits["exclusiveMinimum"])
        and ("maximum" not in limits or value <= limits["maximum"])
    )


def _range(setting: Field[Any]) -> str:
    match dict(setting.metadata):
        case {"exclusiveMinimum": above, "maximum": most}:
            return f"above {above} and at most {most}"
        case {"minimum": least, "maximum": most}:
            return f"from {least} to {most}"
        case {"minimum": least}:
            return f"from {least} upwards"
    return ""
