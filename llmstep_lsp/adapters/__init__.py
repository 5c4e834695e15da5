"""The ports' real ends: Lean and the generators."""
