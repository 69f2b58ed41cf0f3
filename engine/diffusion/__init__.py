"""The noise schedule and the one place that walks denoising steps."""
