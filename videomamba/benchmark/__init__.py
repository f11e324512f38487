"""Speeds, each beside the least time that the machine could take, and never before the result is proven right."""
