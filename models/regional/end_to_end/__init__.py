"""Regional scores straight from the picture (the paper's third method)."""
