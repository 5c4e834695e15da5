"""Owns which engines there are and how one is loaded; each is imported only when it is asked for."""

from dataclasses import dataclass
from pathlib import Path

from llmstep_lsp.worker import description
from llmstep_lsp.worker.engine import Engine
from llmstep_lsp.worker.place import LoadError, is_local

ENGINES = ("transformers", "ctranslate2", "vllm")


@dataclass(frozen=True)
class Choice:
    """Which engine is to load which model; `device` and `dtype` may be "auto"."""

    engine: str
    model: str
    device: str = "auto"
    dtype: str = "auto"


def load(choice: Choice) -> Engine:
    """The engine, its model loaded.

    Raises:
        ImportError: its library is not installed.
        LoadError: the model cannot be had or used.
    """
    local = is_local(choice.model)
    converted = local and (Path(choice.model) / description.FILE).is_file()
    if choice.engine == "ctranslate2":
        if not converted:
            raise LoadError(
                f"{choice.model} is no model that was converted for CTranslate2: do that by "
                f"`llmstep-lsp convert {choice.model} DIR` and name DIR, or name the engine transformers."
            )
        from llmstep_lsp.worker.ctranslate2_engine import Ctranslate2Engine  # noqa: PLC0415  # may be missing

        return Ctranslate2Engine(choice)
    if converted:
        raise LoadError(f"{choice.model} was converted for CTranslate2: name the engine ctranslate2.")
    if choice.engine == "vllm":
        from llmstep_lsp.worker.vllm_engine import VllmEngine  # noqa: PLC0415  # may be missing

        return VllmEngine(choice)
    from llmstep_lsp.worker.transformers_engine import TransformersEngine  # noqa: PLC0415  # may be missing

    return TransformersEngine(choice, local=local)
