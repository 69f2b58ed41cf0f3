"""python -m engine: the same verbs as the page, from a terminal."""

from engine.cli import main

main()
