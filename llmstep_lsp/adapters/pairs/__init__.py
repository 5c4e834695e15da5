"""Files of pairs (state, next tactic): JSON lines, Parquet, and LeanDojo's benchmark."""

from llmstep_lsp.adapters.pairs.reading import read_pairs

__all__ = ["read_pairs"]
