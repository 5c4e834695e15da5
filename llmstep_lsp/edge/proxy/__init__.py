"""Owns being the one server of an editor, with Lean's behind it."""
