"""Motion capture in, captioned dataset out."""
