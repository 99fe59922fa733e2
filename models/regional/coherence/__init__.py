"""Local coherence predicted from the picture (the paper's second method)."""
