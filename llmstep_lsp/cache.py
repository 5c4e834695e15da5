"""Owns where our files live on this machine."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """The folder of everything that can be made again; `LLMSTEP_CACHE_DIR` names another one."""
    chosen = os.environ.get("LLMSTEP_CACHE_DIR")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("llmstep-lsp")
