"""Votes on pairs of motions, and the reward that learns from them and from its own mistakes."""
