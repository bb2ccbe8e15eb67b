"""The Natural Scenes Dataset as its authors hand it out, and the way from there to a challenge folder."""
