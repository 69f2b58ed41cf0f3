"""Joints in, video out: renderers and encoding."""
