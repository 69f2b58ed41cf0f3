"""Tuning by reward: the step-aware objective, its rivals, rewards, and the tuning session."""
