"""Tests of the model worker and its engines."""
