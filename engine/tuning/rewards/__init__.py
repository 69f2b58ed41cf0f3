"""Rewards: text alignment in three forms, physics, and their weighted sum."""
