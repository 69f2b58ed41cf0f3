"""Two models on the same prompt and the same noise: their motions, their steps, their numbers."""
