"""Owns how a generator is made from what a person writes: `engine` or `engine,option=value,…`.

Engines of other packages are found by the entry points of the group `llmstep.generators`: each
is a function that gets the options, texts by their names, and returns a `Generator`.
"""

import hashlib
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

from llmstep_lsp.adapters.generators.cached import CachedGenerator, Store
from llmstep_lsp.adapters.generators.language_model import LanguageModel, Sampling
from llmstep_lsp.adapters.generators.memory_store import MemoryStore
from llmstep_lsp.adapters.generators.options import read_options
from llmstep_lsp.adapters.generators.prompts import PromptFormat, choose_format
from llmstep_lsp.adapters.generators.symbolic import SymbolicGenerator
from llmstep_lsp.adapters.generators.worker import Engine, WorkerCompleter
from llmstep_lsp.cache import candidates_file
from llmstep_lsp.errors import InputError
from llmstep_lsp.ports import Completer, Generator, Question
from llmstep_lsp.worker.description import PROMPT
from llmstep_lsp.worker.description import read as read_description

_Options = TypeVar("_Options")

ENTRY_POINTS = "llmstep.generators"
# Lies in the directory of every model that was converted for CTranslate2.
_CONVERTED = "model.bin"
BOX = Path(__file__).parent / "box"
"""The model in the box, converted, and its card."""


@dataclass(frozen=True)
class Spec:
    """An engine and its options, as somebody wrote them."""

    engine: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ",".join((self.engine, *(f"{name}={value}" for name, value in self.options.items())))


@dataclass(frozen=True)
class _Sampled:
    """What can be said of any language model."""

    prompt: str | None = None
    samples: int = Sampling.samples
    max_new_tokens: int = Sampling.max_new_tokens
    temperature: float = Sampling.temperature
    beams: bool = Sampling.beams
    seed: int | None = Sampling.seed

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 1000:  # noqa: PLR2004  # more is a mistake
            raise ValueError("samples must be from 1 to 1000")
        if self.max_new_tokens < 1:
            raise ValueError("max_new_tokens must be 1 or more")
        if not 0 <= self.temperature < math.inf:
            raise ValueError("temperature must be 0 or more")
        if self.seed is not None and not 0 <= self.seed < 2**32:
            raise ValueError("seed must be from 0 to 4294967295")

    def sampling(self) -> Sampling:
        return Sampling(self.samples, self.max_new_tokens, self.temperature, self.beams, self.seed)


@dataclass(frozen=True, kw_only=True)
class _Local(_Sampled):
    """A model in a worker of ours."""

    model: str
    device: str = Engine.device
    dtype: str = Engine.dtype


@dataclass(frozen=True)
class _Box(_Sampled):
    """The model in the box: small, so that many samples are affordable, and so sure that they repeat."""

    samples: int = 48
    max_new_tokens: int = 64
    temperature: float = 1.3


@dataclass(frozen=True, kw_only=True)
class _Served(_Sampled):
    """A model behind a URL; the first one there, if `model` does not say which."""

    url: str
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Vllm(_Sampled):
    """A model that vLLM serves, which is started for it; `arguments` are those of `vllm serve`."""

    model: str
    arguments: str = ""


@dataclass(frozen=True)
class _Llmstep:
    """A server of the llmstep protocol."""

    url: str


def parse_spec(text: str) -> Spec:
    """What `text` says.

    Raises:
        InputError: it is not `engine` or `engine,option=value,…`.
    """
    engine, *options = text.strip().split(",")
    pairs = [option.partition("=") for option in options]
    if not engine or any(not name or not equals for name, equals, _ in pairs):
        raise InputError(f"The generator `{text}` cannot be read: write `engine` or `engine,option=value,…`.")
    return Spec(engine, {name.strip(): value for name, _, value in pairs})


def spec_of_model(model: str) -> Spec:
    """What is meant by the name of a model alone: a URL, a converted model, or one of transformers."""
    if model.startswith(("http://", "https://")):
        return Spec("openai", {"url": model})
    if (Path(model) / _CONVERTED).is_file():
        return Spec("ctranslate2", {"model": model})
    return Spec("transformers", {"model": model})


def sampled(spec: Spec, samples: int, seed: int) -> Spec:
    """`spec` with `samples` and `seed`, if it is a language model's and does not say others."""
    options = {"samples": str(samples), "seed": str(seed), **spec.options}
    return Spec(spec.engine, options) if spec.engine in _COMPLETERS else spec


def stores_of(megabytes: int) -> tuple[Store, ...]:
    """Where candidates are kept: in memory, and on disk if that may take `megabytes`."""
    if not megabytes:
        return (MemoryStore(),)
    from llmstep_lsp.adapters.generators.disk_store import DiskStore  # noqa: PLC0415  # SQLite

    return MemoryStore(), DiskStore(candidates_file(), megabytes)


def make_generator(spec: Spec, stores: tuple[Store, ...]) -> Generator:
    """The generator that `spec` says; what a model proposes is kept in `stores`.

    Raises:
        InputError: there is no such engine, or it has no such options.
    """
    match make_bare_generator(spec):
        case SymbolicGenerator() as symbolic:  # is as quick as what remembers
            return symbolic
        case LanguageModel() as model:
            return CachedGenerator(model, _identity(spec, model.prompt_format), stores, model.relevant)
        case other:
            return CachedGenerator(other, str(spec), stores, _context)


def make_bare_generator(spec: Spec) -> Generator:
    """The generator that `spec` says, without anything that remembers.

    Raises:
        InputError: there is no such engine, or it has no such options.
    """
    if spec.engine == "symbolic":
        _read(spec, _NoOptions)
        return SymbolicGenerator()
    if spec.engine in _COMPLETERS:
        return make_language_model(spec)
    if spec.engine == "llmstep":
        from llmstep_lsp.adapters.generators.llmstep import LlmstepGenerator  # noqa: PLC0415  # loads httpx

        return LlmstepGenerator(_read(spec, _Llmstep).url)
    return _from_entry_point(spec)


def make_language_model(spec: Spec) -> LanguageModel:
    """The model that `spec` says, without anything that remembers.

    Raises:
        InputError: no such engine runs models, or it has no such options.
    """
    if spec.engine not in _COMPLETERS:
        raise InputError(f"{spec.engine} runs no models: choose {', '.join(_COMPLETERS)}.")
    completer, sampled, name = _COMPLETERS[spec.engine](spec)
    prompt_format = choose_format(name or "", sampled.prompt) if name or sampled.prompt else None
    if spec.engine == "ctranslate2" and prompt_format and prompt_format.system is not None:
        if sampled.prompt:
            raise InputError(
                f"A converted model cannot be asked in a chat, as {sampled.prompt} does: choose another "
                "format, or the engine transformers."
            )
        prompt_format = choose_format("", "few-shot")
    return LanguageModel(spec.engine, completer, prompt_format, sampled.sampling())


# Each makes the engine, says how it is to be asked, and the name of its model, if that is known.


def _local(spec: Spec) -> tuple[Completer, _Sampled, str | None]:
    local = _read(spec, _Local)
    completer = WorkerCompleter(Engine(spec.engine, local.model, local.device, local.dtype))
    return completer, local, _original(local.model)


def _box(spec: Spec) -> tuple[Completer, _Sampled, str | None]:
    return WorkerCompleter(Engine("ctranslate2", str(BOX))), _read(spec, _Box), str(BOX)


def _original(model: str) -> str:
    """The name of the model that `model` was converted from; its own, if it was not or says a format."""
    if (Path(model) / PROMPT).is_file():
        return model
    try:
        return read_description(Path(model)).model
    except (OSError, ValueError):
        return model


def _openai(spec: Spec) -> tuple[Completer, _Sampled, str | None]:
    from llmstep_lsp.adapters.generators.openai import OpenAICompleter  # noqa: PLC0415  # loads httpx

    served = _read(spec, _Served)
    return OpenAICompleter(served.url, served.model), served, served.model


def _vllm_in_process(spec: Spec) -> tuple[Completer, _Sampled, str | None]:
    local = _read(spec, _Local)
    return WorkerCompleter(Engine("vllm", local.model, local.device, local.dtype)), local, local.model


def _vllm(spec: Spec) -> tuple[Completer, _Sampled, str | None]:
    from llmstep_lsp.adapters.generators.vllm import VllmCompleter  # noqa: PLC0415  # loads httpx

    vllm = _read(spec, _Vllm)
    return VllmCompleter(vllm.model, shlex.split(vllm.arguments)), vllm, vllm.model


_COMPLETERS: dict[str, Callable[[Spec], tuple[Completer, _Sampled, str | None]]] = {
    "box": _box,
    "ctranslate2": _local,
    "transformers": _local,
    "openai": _openai,
    "vllm": _vllm,
    "vllm-in-process": _vllm_in_process,
}


def _from_entry_point(spec: Spec) -> Generator:
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if spec.engine not in found:
        known = sorted({"symbolic", "llmstep", *_COMPLETERS, *found})
        raise InputError(f"There is no generator {spec.engine}: choose {', '.join(known)}.")
    try:
        generator: Generator = found[spec.engine].load()(dict(spec.options))
    except Exception as error:  # it may be anybody's
        raise InputError(
            f"The generator {spec.engine} of {found[spec.engine].value} cannot be made "
            f"({type(error).__name__}: {error})."
        ) from error
    return generator


@dataclass(frozen=True)
class _NoOptions:
    """Nothing can be said."""


def _read(spec: Spec, kind: type[_Options]) -> _Options:
    """The options of `spec`.

    Raises:
        InputError: one is missing, unknown or ill-formed.
    """
    try:
        return read_options(spec.options, kind)
    except ValueError as error:
        known = ", ".join(one.name for one in fields(kind)) or "none"  # type: ignore[arg-type]
        raise InputError(f"The generator `{spec}` cannot be made: {error}. Its options: {known}.") from error


def _context(question: Question) -> str:
    return question.context


def _identity(spec: Spec, prompt_format: PromptFormat | None) -> str:
    """What tells the generator of `spec` from others: its options, its prompts, and a local model's files."""
    folder = Path(spec.options.get("model", ""))
    stamps = sorted(
        (file.name, file.stat().st_size, file.stat().st_mtime_ns)
        for file in (folder.iterdir() if "model" in spec.options and folder.is_dir() else ())
        if file.is_file()
    )
    return f"{spec} {hashlib.sha256(repr((prompt_format, stamps)).encode()).hexdigest()}"
