"""Proof steps of our own making: goals are made up, attempted inside Lean, and what works is kept."""
