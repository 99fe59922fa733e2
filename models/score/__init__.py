"""A 0-100 score of picture quality, after Nguyen: ResNet-18 by the paper's recipe, and a small live network."""
