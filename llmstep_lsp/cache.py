"""Owns where our files live on this machine."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """The folder of everything that can be made again; `LLMSTEP_CACHE_DIR` names another one."""
    chosen = os.environ.get("LLMSTEP_CACHE_DIR")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("llmstep-lsp")


def log_file() -> Path:
    """The file that every language server of this person logs to; `LLMSTEP_LOG_FILE` names another one."""
    chosen = os.environ.get("LLMSTEP_LOG_FILE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_log_path("llmstep-lsp") / "llmstep-lsp.log"


def candidates_file() -> Path:
    """The file of what models proposed."""
    return cache_root() / "candidates.sqlite"


def accept_log_file() -> Path:
    """The file of accepted and rejected steps; `LLMSTEP_ACCEPT_LOG_FILE` names another one."""
    chosen = os.environ.get("LLMSTEP_ACCEPT_LOG_FILE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_data_path("llmstep-lsp") / "accepted.jsonl"
