"""Tests with a real vLLM."""
