"""Owns what editors call our commands, and how they tell us that a suggestion was taken."""

from lsprotocol import types

SUGGEST = "llmstep.suggest"
SUGGEST_WITH_PREFIX = "llmstep.suggestWithPrefix"
PROVE = "llmstep.prove"
STOP = "llmstep.stop"
RESTART_LEAN = "llmstep.restartLean"
SHOW_STATUS = "llmstep.showStatus"
ACCEPTED = "llmstep.accepted"


def accepted(offer: str | None, number: int) -> types.Command | None:
    """What the editor runs after it inserted suggestion `number` of `offer`; nothing where no log is kept."""
    return types.Command("llmstep: accepted", ACCEPTED, arguments=[offer, number]) if offer else None
