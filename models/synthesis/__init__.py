"""Synthetic ultrasound pictures (DCGAN), and how real they are."""
