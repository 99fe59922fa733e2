"""The network that reads the quality network's maps, region by region: its data, training and release."""
