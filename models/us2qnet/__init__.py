"""US2QNet: global quality clusters (Raina et al.)."""
