"""One file per source of motion data."""
