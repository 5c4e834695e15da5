"""Owns what is told of a training as it goes on: its log, and reports to the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from llmstep_lsp.training.protocol import At, Report
from llmstep_lsp.training.schedule import Schedule

# What the library calls it, and what our log does.
_NAMES = {
    "loss": "loss",
    "eval_loss": "held_out_loss",
    "learning_rate": "learning_rate",
    "num_input_tokens_seen": "tokens",
}


class Reporter(TrainerCallback):
    """Writes the log, and tells how far the training is."""

    def __init__(self, log: Path, schedule: Schedule, say: Callable[[Report], None]) -> None:
        self._log = log
        self._schedule = schedule
        self._say = say
        self._loss: float | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002  # the library's
        """Forget what was logged after the step at which training goes on."""
        if self._log.is_file():
            lines = self._log.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            known = [line for line in whole if json.loads(line)["step"] <= state.global_step]
            self._log.write_text("".join(known), encoding="utf-8")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002  # the library's
        """Tell how far it is."""
        step = state.global_step
        self._say(At(step, self._schedule.steps, self._schedule.share(step), self._loss))

    def on_log(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ARG002  # the library's
        """Write a line."""
        logs: dict[str, float] = others["logs"]
        self._loss = logs.get("loss", self._loss)
        if not {"loss", "eval_loss"} & logs.keys():
            return  # what the library says at the end
        entry = {"step": state.global_step, "epoch": state.epoch, "seconds": round(self._schedule.used, 1)}
        entry |= {ours: logs[theirs] for theirs, ours in _NAMES.items() if theirs in logs}
        with self._log.open("a", encoding="utf-8") as opened:
            opened.write(f"{json.dumps(entry)}\n")
