"""Runs code that nobody has read, isolated, or not at all."""
