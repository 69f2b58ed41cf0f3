"""Pictures of motions: a lit mannequin by OpenGL or numpy, and video files."""
