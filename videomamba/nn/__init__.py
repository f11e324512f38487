"""Layers: the ST-SSM mixer, its residual block, tubelet and position embedding, scan orders."""
