"""The engine: motion, data, models, evaluation, rendering. It never imports the page."""

__version__ = "0.1.0"
