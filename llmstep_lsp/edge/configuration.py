"""Owns where settings come from, and which of several values counts.

The command line counts most, then the environment, the editor, the project file, the default.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmstep_lsp.edge.settings import SETTINGS, Settings, checked, from_text, variable

SECTION = "llmstep"
"""What editors call our settings."""

PROJECT_FILE = "llmstep.toml"

# A project file comes with files of others, and opening those must be safe: it may not say which
# program is run, where what the person writes is sent, or that it is recorded.
PERSONAL = frozenset(key for key, setting in SETTINGS.items() if setting.metadata.get("personal"))

# What editors' own libraries read in the same section.
_OF_CLIENTS = frozenset({"trace"})


@dataclass(frozen=True)
class Given:
    """A value as `Settings` has it, and where it is from."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Layer:
    """What one place sets, by key.

    `wrong` says of other settings there why they cannot be used; `problems` are about all else.
    """

    values: Mapping[str, Given] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def complaints(self) -> tuple[str, ...]:
        """A sentence for each thing that is not as it should be."""
        return *self.problems, *self.wrong.values()


@dataclass(frozen=True)
class Layers:
    """All places.  `editor` is what the editor said last, `initial` its `initializationOptions`."""

    command_line: Layer = field(default_factory=Layer)
    environment: Layer = field(default_factory=Layer)
    editor: Layer = field(default_factory=Layer)
    initial: Layer = field(default_factory=Layer)
    project: Layer = field(default_factory=Layer)


def effective(layers: Layers) -> tuple[Settings, list[str], dict[str, str]]:
    """The settings that count, a sentence for each problem, and by key where the value is from.

    A wrong value is as if it were not there.
    """
    strongest_first = (
        layers.command_line,
        layers.environment,
        layers.editor,
        layers.initial,
        layers.project,
    )
    chosen: dict[str, Given] = {}
    for layer in reversed(strongest_first):
        chosen |= layer.values
    settings = Settings(**{SETTINGS[key].name: given.value for key, given in chosen.items()})
    problems: dict[str, None] = {}  # in order, and once: editors repeat themselves
    for layer in strongest_first:
        problems |= dict.fromkeys(layer.problems)
        problems |= {f"{why} {_instead(key, chosen.get(key))}": None for key, why in layer.wrong.items()}
    origins = {key: chosen[key].origin if key in chosen else "default" for key in SETTINGS}
    return settings, list(problems), origins


def command_line_layer(chosen: Mapping[str, Any]) -> Layer:
    """What options say; texts are read by the kind of the setting."""
    return _layer(_read(chosen), lambda _: "the command line")


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """What the variables LLMSTEP_… say; an empty one says nothing."""
    texts = {key: environment.get(variable(setting)) for key, setting in SETTINGS.items()}
    given = _read({key: text for key, text in texts.items() if text})
    return _layer(given, lambda key: f"the environment variable {variable(SETTINGS[key])}")


def editor_layer(options: Any) -> Layer:
    """What an editor sends of our settings, bare or below "llmstep"; null is not set.

    The same for `initializationOptions`, for an answer to `workspace/configuration`, and for
    `didChangeConfiguration`.
    """
    if isinstance(options, dict):
        options = options.get(SECTION, options)
    if options is None or options == []:  # an empty table of Lua is a list
        return Layer()
    if not isinstance(options, dict):
        kind = type(options).__name__
        return Layer(problems=(f"the editor's settings must be an object, not {kind}; none are used.",))
    given = {key: value for key, value in options.items() if value is not None and key not in _OF_CLIENTS}
    return _layer(given, lambda _: "the editor's settings")


def says_something(settings: Any) -> bool:
    """Whether what `didChangeConfiguration` brings has settings of ours; else the editor is to be asked.

    Some editors send nothing, or the settings of all their servers.
    """
    return isinstance(settings, dict) and (
        settings.get(SECTION) is not None or not settings.keys().isdisjoint(SETTINGS)
    )


def project_layer(folder: Path) -> Layer:
    """What the nearest project file in or above `folder` says."""
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        file = place / PROJECT_FILE
        try:
            data = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return _unreadable(file, str(error.strerror))
        return _project(file, data)
    return Layer()


def _project(file: Path, data: bytes) -> Layer:
    import tomllib  # noqa: PLC0415  # most have no such file, and the server starts faster

    try:
        given = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _unreadable(file, f"it is not UTF-8 text (at line {line})")
    except RecursionError:
        return _unreadable(file, "it is too deeply nested")
    except ValueError as error:
        return _unreadable(file, str(error))
    refused = {
        key: f"setting `{key}` from {file} is refused, because a project may not choose what runs, where "
        f"your text goes or what is kept of it: set it in the editor or by {variable(SETTINGS[key])}."
        for key in given
        if key in PERSONAL
    }
    allowed = _layer({key: given[key] for key in given if key not in refused}, lambda _: str(file))
    return Layer(allowed.values, {**refused, **allowed.wrong}, allowed.problems)


def _unreadable(file: Path, why: str) -> Layer:
    return Layer(problems=(f"{file} cannot be read: {why}. Nothing of it is used.",))


def _read(chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: from_text(SETTINGS[key], value) if key in SETTINGS and isinstance(value, str) else value
        for key, value in chosen.items()
    }


def _layer(given: Mapping[str, Any], origin: Callable[[str], str]) -> Layer:
    """What is `given` by key, checked; `origin` names the place of a key."""
    values: dict[str, Given] = {}
    wrong: dict[str, str] = {}
    problems: list[str] = []
    for key, value in given.items():
        if key not in SETTINGS:
            known = ", ".join(SETTINGS)
            problems.append(f"there is no setting `{key}` (from {origin(key)}); there are {known}.")
            continue
        try:
            values[key] = Given(checked(SETTINGS[key], value), origin(key))
        except ValueError as error:
            wrong[key] = f"setting `{key}` from {origin(key)} is wrong: {error}."
    return Layer(values, wrong, tuple(problems))


def _instead(key: str, given: Given | None) -> str:
    """What is used in place of a wrong value."""
    if given is None:
        return f"The default, {shown(SETTINGS[key].default)}, is used."
    return f"{shown(given.value)} from {given.origin} is used."


def shown(value: Any) -> str:
    """A setting's value, for people."""
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
