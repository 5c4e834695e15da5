"""Owns how the state of a session is told: sentences for people, JSON for programs."""

from dataclasses import asdict
from typing import Any

from lsprotocol import types

from llmstep_lsp import __version__
from llmstep_lsp.cache import candidates_file, log_file
from llmstep_lsp.edge.session import Session
from llmstep_lsp.ports import LeanStatus
from llmstep_lsp.service.status import Health, Kept, Status, healths


async def show(session: Session, *, quietly: bool) -> dict[str, Any]:
    """The state of `session` as JSON, which its editor shows, too, unless `quietly`; starts nothing."""
    status = await session_status(session)
    if not quietly:
        _show(session, status)
    return as_json(status)


def _show(session: Session, status: Status) -> None:
    told = sentences(status)
    session.window_show_message(types.ShowMessageParams(types.MessageType.Info, "\n".join(told)))
    for sentence in told:
        session.window_log_message(types.LogMessageParams(types.MessageType.Info, sentence))


async def session_status(session: Session) -> Status:
    """The state of `session`; the Lean is that of the document that was opened last."""
    uri = next(reversed(session.workspace.text_documents), None)
    limit = session.settings.cache_megabytes
    file = candidates_file()
    used = file.stat().st_size / 1e6 if limit and file.is_file() else 0.0
    return Status(
        __version__,
        await session.parts.prover.status(uri) if uri else None,
        healths(session.answers.health),
        Kept(session.answers.kept, round(used, 1), limit),
        {key: origin for key, origin in session.origins.items() if origin != "default"},
        str(log_file()),
    )


def sentences(status: Status) -> list[str]:
    """`status` for a person, a line each."""
    settings = ", ".join(f"{key} from {origin}" for key, origin in status.chosen.items())
    return [
        f"llmstep-lsp {status.version}",
        *(_lean(status.lean) if status.lean else ["Lean: open a Lean file to see which one is used."]),
        *(_generator(one) for one in status.generators),
        _kept(status.kept),
        f"Settings: {settings or 'the defaults'}.",
        f"Log file: {status.log_file}",
        "If nothing happens, run `llmstep-lsp doctor FILE` in a terminal.",
    ]


def as_json(status: Status) -> dict[str, Any]:
    """`status` as the command `llmstep.showStatus` returns it, in camel case."""
    lean = asdict(status.lean) if status.lean else None
    return {
        "version": status.version,
        "lean": lean and {**lean, "command": list(lean["command"])},
        "generators": [asdict(one) for one in status.generators],
        "kept": asdict(status.kept),
        "settings": dict(status.chosen),
        "logFile": status.log_file,
        "text": "\n".join(sentences(status)),
    }


def _lean(lean: LeanStatus) -> list[str]:
    if not lean.command and not lean.lent:
        return [f"Lean: none. {lean.reason}"]
    running = "runs for this document" if lean.running else "starts at the first question about this document"
    named = "the editor's" if lean.lent else " ".join(lean.command)
    return [f"Lean: {named} {running}. {lean.reason}", f"Candidates: {_judging(lean)}"]


def _judging(lean: LeanStatus) -> str:
    if lean.batches is None:
        return "it is not known yet whether LLMStep, our Lean package, can judge them in batches."
    if lean.batches:
        return "judged in batches, by LLMStep, our Lean package."
    return f"judged one by one, which is slower. {lean.obstacle}".rstrip()


def _generator(health: Health) -> str:
    return f"Generator {health.name}: {health.state}{f': {health.reason}' if health.reason else '.'}"


def _kept(kept: Kept) -> str:
    places = f"{kept.places} place{'' if kept.places == 1 else 's'} of open documents"
    disk = f"{kept.megabytes:.1f} of {kept.limit} MB on disk" if kept.limit else "nothing on disk"
    return f"Remembered: {places}, {disk}."
