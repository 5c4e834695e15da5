"""Owns how fast a model learns as training goes on, and when it ends for want of time."""

import math
import time
from typing import Any

from transformers import TrainerCallback


class Schedule:
    """The share of the full learning rate at each step: it rises, then falls as a cosine.

    `steps` is how many there are, `seconds` how much time (None: no limit); the one of which more is
    gone counts.  `used` is the time that training took; it is kept with the optimizer's state.
    """

    def __init__(self, warmup: float, seconds: float | None) -> None:
        self.steps = 1
        self.warmup = warmup
        self.seconds = seconds
        self.used = 0.0

    def share(self, step: int) -> float:
        """How much of the training is done, from 0 to 1."""
        timed = self.used / self.seconds if self.seconds else 0.0
        return min(1.0, max(step / self.steps, timed))

    def __call__(self, step: int) -> float:
        """The share of the full learning rate."""
        done = self.share(step)
        if done < self.warmup:
            # The first step would otherwise learn nothing.
            return max(done, 1 / self.steps) / self.warmup
        return (1 + math.cos(math.pi * (done - self.warmup) / (1 - self.warmup))) / 2


class Clock(TrainerCallback):
    """Measures the time that training takes, and ends it when there is no more."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._last = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002  # the library's
        """Start."""
        self._last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the time of a step; what an evaluation took counts in the next one.

        The last state is logged, tested and kept as others are, since it may be the best.
        """
        now = time.monotonic()
        self._schedule.used += now - self._last
        self._last = now
        late = self._schedule.seconds is not None and self._schedule.used >= self._schedule.seconds
        if late or state.global_step >= self._schedule.steps:
            control.should_training_stop = True
            control.should_log = True
            control.should_evaluate = args.eval_strategy != "no"
            control.should_save = True
