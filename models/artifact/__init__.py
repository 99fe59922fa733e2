"""Artifact gate: is this frame like anything that the models know (artifact paper)? Training and release."""
