"""Motion: the value that flows everywhere, its skeleton, features and geometry."""
