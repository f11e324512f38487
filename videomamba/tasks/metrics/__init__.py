"""Figures of whole data sets, as pure functions of ground truth and answers."""
