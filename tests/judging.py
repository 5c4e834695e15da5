"""How tests ask a prover about one candidate."""

from llmstep_lsp.domain.model import ProofState, Verdict
from llmstep_lsp.ports import Prover


async def verdict_on(prover: Prover, state: ProofState, text: str) -> Verdict:
    """The prover's verdict on `text`."""
    ((judged, verdict),) = [found async for found in prover.check(state, [text])]
    assert judged == text
    return verdict
