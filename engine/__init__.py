"""The engine: motion, data, models, diffusion, evaluation and rendering. It never imports the page."""

__version__ = "0.1.0"
