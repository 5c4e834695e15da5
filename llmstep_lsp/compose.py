"""Owns which adapters the product is put together from; the only place that knows them all."""

from pathlib import Path

from llmstep_lsp.adapters.generators.symbolic import SymbolicGenerator
from llmstep_lsp.adapters.generators.transformers import TransformersGenerator
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.hooked_prover import HookedProver
from llmstep_lsp.adapters.lean.prover import LeanProver
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.ports import Generator
from llmstep_lsp.service.suggest import Suggester

# A candidate that takes longer than this is not one a person would keep.
_SECONDS_PER_CHECK = 4.0


def make_generators(model: str | None) -> list[Generator]:
    """The generators there are, the language model `model` among them if given."""
    generators: list[Generator] = [SymbolicGenerator()]
    if model:
        generators.append(TransformersGenerator(model))
    return generators


def make_suggester(lean: str | None, model: str | None) -> Suggester:
    """A suggester that uses `lean` (or finds one) and, if given, the language model `model`."""

    def find(file: Path) -> Toolchain:
        return find_toolchain(file, lean)

    plain = LeanProver(find, _SECONDS_PER_CHECK)
    prover = HookedProver(plain, HookLibrary(), find)
    return Suggester(prover, make_generators(model))
