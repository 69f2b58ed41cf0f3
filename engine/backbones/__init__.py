"""Published motion networks, written from their descriptions and held to their numbers."""
