"""Owns an evaluation by many workers at a time, on the machines of a Ray cluster.

Each has a Lean and generators of its own, on one CPU.  Only this module imports Ray.
"""

import re
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from llmstep_lsp.errors import InputError, LlmstepError
from llmstep_lsp.evaluation.evaluator import Evaluator
from llmstep_lsp.evaluation.record import Outcome, Record
from llmstep_lsp.evaluation.theorems import Theorem

_SECONDS_TO_REACH = 10.0
# A worker that is lost takes its theorem with it; that it was the theorem's fault is likely the second time.
_TRIES = 2


@contextmanager
def connected(address: str) -> Iterator[None]:
    """A connection to the cluster at `address`; "local" starts one of this machine, and ends it.

    Raises:
        InputError: there is no cluster.
    """
    if found := re.fullmatch(r"([\w.-]+):(\d+)", address):
        try:  # Ray itself goes on trying for minutes
            socket.create_connection((found[1], int(found[2])), _SECONDS_TO_REACH).close()
        except OSError as error:
            raise InputError(f"There is no Ray cluster at {address}: {error}") from error
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"There is no Ray cluster at {address}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def evaluate_over_ray(
    make: Callable[[], Evaluator], set_: str, theorems: Sequence[Theorem]
) -> Iterator[Record]:
    """What comes of `theorems` with the evaluators for `set_` that `make` makes, as it comes.

    Raises:
        LlmstepError: the evaluators cannot work at all.
    """
    waiting = deque((theorem, 1) for theorem in theorems)
    cpus = ray.cluster_resources().get("CPU", 1)  # type: ignore[no-untyped-call]
    idle = [_start(make) for _ in range(min(len(theorems), int(cpus)))]
    running: dict[Any, tuple[Any, Theorem, int]] = {}
    try:
        while waiting or running:
            while idle and waiting:
                worker = idle.pop()
                theorem, tries = waiting.popleft()
                running[worker.evaluate.remote(theorem)] = worker, theorem, tries
            (ready,), _ = ray.wait(list(running))
            worker, theorem, tries = running.pop(ready)
            try:
                yield ray.get(ready)
            except RayTaskError as error:
                if isinstance(error.cause, LlmstepError):
                    raise error.cause from error
                raise
            except RayActorError as error:
                worker = _start(make)
                if tries < _TRIES:
                    waiting.append((theorem, tries + 1))
                else:
                    reason = f"The Ray worker was lost {tries} times: {error}"
                    lost = Record(set_, theorem.name, theorem.file, theorem.line, Outcome.FAILED, reason)
                    yield lost
            idle.append(worker)
        ray.get([worker.aclose.remote() for worker in idle])
    finally:
        for worker in [*idle, *(worker for worker, _, _ in running.values())]:
            ray.kill(worker)


def _start(make: Callable[[], Evaluator]) -> Any:
    return ray.remote(num_cpus=1)(_Worker).remote(make)


class _Worker:
    """An evaluator in a process of Ray's."""

    def __init__(self, make: Callable[[], Evaluator]) -> None:
        self._evaluator = make()
        self._warm = False

    async def evaluate(self, theorem: Theorem) -> Record:
        """As `Evaluator.evaluate`, the generators started before the first theorem."""
        if not self._warm:
            await self._evaluator.warm()
            self._warm = True
        return await self._evaluator.evaluate(theorem)

    async def aclose(self) -> None:
        """End Lean and the generators."""
        await self._evaluator.aclose()
        await self._evaluator.prover.aclose()
