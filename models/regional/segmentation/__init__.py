"""Segmentation of the chambers and the myocardium."""
