"""Weights from anywhere: locate a name, read what lies there, adapt it to another configuration, load it.

Each step takes and gives a value: a path, a :class:`Checkpoint`, an adapted one, a model. A new code base is a file
with ``TITLE``, ``LICENSE``, ``claims`` and ``read``, and a line in :mod:`videomamba.models.weights.readers`.
"""
