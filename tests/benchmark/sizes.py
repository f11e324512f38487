"""Options of a small benchmark."""

import torch

CPU = torch.device("cpu")
SMALL = ("benchmark", "scan", "--lengths", "9", "--device", "cpu")
