"""Motions longer than one generation, and motions that take up where another one is."""
