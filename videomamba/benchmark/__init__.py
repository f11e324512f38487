"""Speeds, each with the least time that the machine could take; results are checked before they are timed."""
