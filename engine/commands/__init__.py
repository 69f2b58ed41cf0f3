"""What each terminal verb does; cli.py only reads the arguments."""
