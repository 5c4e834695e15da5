"""Owns how what a person wrote becomes a dataclass of options, and what is said if it does not."""

from collections.abc import Mapping
from typing import Any, TypeVar

from cattrs import Converter, transform_error
from cattrs.v import format_exception

_Options = TypeVar("_Options")


def read_options(written: Mapping[str, Any], kind: type[_Options]) -> _Options:
    """`written` as a `kind`; texts are read as the numbers and truth values that it wants.

    Raises:
        ValueError: one is missing, unknown or ill-formed.
    """
    try:
        return _converter.structure(written, kind)
    except Exception as error:  # cattrs collects whatever its hooks raise
        reasons = transform_error(error, path="options", format_exception=_reason)
        said = (reason.removesuffix(" @ options").replace(" @ options.", " in ") for reason in reasons)
        raise ValueError("; ".join(said)) from error


def _boolean(value: Any, _: object) -> bool:
    if isinstance(value, bool):  # TOML's
        return value
    if value not in ("true", "false"):
        raise ValueError(f"it must be true or false, not {value}")
    return bool(value == "true")


def _reason(error: BaseException, kind: type | None) -> str:
    return str(error) if isinstance(error, ValueError) else format_exception(error, kind)


_converter = Converter(forbid_extra_keys=True)
_converter.register_structure_hook(bool, _boolean)
