"""The ST-SSM between its two projections: both convolutions, the selective projections, both scans, the gate."""
