"""Files of pairs (state, next tactic): JSON lines, Parquet, and LeanDojo's benchmark."""
