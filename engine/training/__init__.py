"""Training scripts anyone can rerun."""
