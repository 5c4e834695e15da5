"""Owns the model server's HTTP: three protocols in front of one model."""
