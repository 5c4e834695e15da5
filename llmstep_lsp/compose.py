"""Owns which adapters the product is put together from; the only place that knows them all."""

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.adapters.generators.symbolic import SymbolicGenerator
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.cache import accept_log_file
from llmstep_lsp.errors import InputError
from llmstep_lsp.ports import Completer, Generator, LeanLender, Prover
from llmstep_lsp.service.journal import Journal

# A candidate that takes longer than this is not one a person would keep.
_SECONDS_PER_CHECK = 4.0


@dataclass(frozen=True)
class Setup:
    """What a person chooses.

    `lean` is a `lean` or a toolchain's folder, `generators` are written as `parse_spec`
    reads them, and `model`, if any, is one more, named alone.  `repair` shows models what
    Lean says of their best candidates.  What they propose is kept on disk, in up to
    `cache_megabytes`.
    """

    lean: str | None = None
    generators: Sequence[str] = ("symbolic", "box")
    model: str | None = None
    repair: bool = False
    cache_megabytes: int = 0


def make_generators(setup: Setup) -> tuple[list[Generator], list[str]]:
    """The generators of `setup`, and a sentence for each that cannot be made."""
    if list(setup.generators) == [SymbolicGenerator.name] and not setup.model:
        return [SymbolicGenerator()], []  # nothing else need be loaded, so the server starts faster

    from llmstep_lsp.adapters.generators.registry import (  # noqa: PLC0415  # see above
        make_generator,
        parse_spec,
        spec_of_model,
        stores_of,
    )

    stores = stores_of(setup.cache_megabytes)
    generators: list[Generator] = []
    problems: list[str] = []
    for text in setup.generators:
        try:
            generators.append(make_generator(parse_spec(text), stores))
        except InputError as error:
            problems.append(str(error))
    if setup.model:
        generators.append(make_generator(spec_of_model(setup.model), stores))
    return generators, problems


@dataclass(frozen=True)
class Served:
    """A model for `llmstep-lsp serve`: what clients call it, its engine, and the generator on top."""

    name: str
    samples: int
    completer: Completer
    generator: Generator


def make_served(  # noqa: PLR0913  # one parameter is one option
    engine: str,
    model: str,
    *,
    prompt: str | None,
    samples: int,
    temperature: float,
    max_new_tokens: int,
    arguments: Sequence[str],
) -> Served:
    """The model `model`, run by `engine` ("auto": what suits it); `arguments` are those of vLLM.

    Raises:
        InputError: it cannot be made so.
    """
    from llmstep_lsp.adapters.generators.registry import (  # noqa: PLC0415  # as above
        Spec,
        make_language_model,
        spec_of_model,
    )

    options = {
        "model": model,
        "samples": str(samples),
        "temperature": str(temperature),
        "max_new_tokens": str(max_new_tokens),
    }
    if prompt is not None:
        options["prompt"] = prompt
    if arguments:
        options["arguments"] = shlex.join(arguments)
    chosen = spec_of_model(model).engine if engine == "auto" else engine
    generator = make_language_model(Spec(chosen, options))
    name = Path(model).resolve().name if Path(model).is_dir() else model
    return Served(name, samples, generator.completer, generator)


def make_measured(generators: Sequence[str], model: str | None) -> list[tuple[str, Generator]]:
    """The generators as they are written and one for `model`, by name, without anything that remembers.

    Raises:
        InputError: one cannot be made.
    """
    from llmstep_lsp.adapters.generators.registry import (  # noqa: PLC0415  # as above
        make_bare_generator,
        parse_spec,
        spec_of_model,
    )

    specs = [*map(parse_spec, generators), *([spec_of_model(model)] if model else [])]
    return [(str(spec), make_bare_generator(spec)) for spec in specs]


def make_sampled(generators: Sequence[str], samples: int, seed: int) -> list[Generator]:
    """The generators as they are written, without anything that remembers.

    Models draw so many `samples`, the same ones for the same `seed`, if they are not written otherwise.

    Raises:
        InputError: one cannot be made.
    """
    from llmstep_lsp.adapters.generators.registry import (  # noqa: PLC0415  # as above
        make_bare_generator,
        parse_spec,
        sampled,
    )

    return [make_bare_generator(sampled(parse_spec(text), samples, seed)) for text in generators]


@dataclass(frozen=True)
class Parts:
    """What a service is put together from; `problems` says what could not be made as it was set."""

    prover: Prover
    generators: Sequence[Generator]
    repair: bool
    problems: tuple[str, ...]

    async def aclose(self) -> None:
        """End Lean and the generators."""
        await asyncio.gather(self.prover.aclose(), *(generator.aclose() for generator in self.generators))


def make_journal() -> Journal:
    """A journal that is kept in a file of this person."""
    from llmstep_lsp.adapters.accept_log import AcceptLog  # noqa: PLC0415  # few want one

    return Journal(AcceptLog(accept_log_file()).keep)


def make_prover(lean: str | None, lender: LeanLender | None = None) -> HookedProver:
    """A prover by the Lean that was chosen, if one was, or by that of `lender`, if there is one."""

    def find(file: Path) -> Toolchain:
        return find_toolchain(file, lean)

    return HookedProver(LeanProver(find, _SECONDS_PER_CHECK, lender), HookLibrary(), find, lender)


def make_parts(setup: Setup, lender: LeanLender | None = None) -> Parts:
    """The parts that `setup` asks for; candidates are judged in the Lean of `lender`, if there is one."""
    generators, problems = make_generators(setup)
    return Parts(make_prover(setup.lean, lender), generators, setup.repair, tuple(problems))
