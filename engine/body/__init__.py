"""The body: a mannequin of our own in SMPL format, and whatever SMPL file a person has."""
