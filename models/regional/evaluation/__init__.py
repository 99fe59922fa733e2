"""Figures of the regional models, beside the paper's."""
