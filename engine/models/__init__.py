"""Networks and how they are saved: text encoder, motion VAE, denoiser."""
