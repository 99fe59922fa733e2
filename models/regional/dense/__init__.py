"""One network for all: segmentation, quality and coherence maps, view and causes in a single pass."""
