"""Models as files that other programs run: ONNX and ``torch.export``."""

from videomamba.exporters.export import Exported, export

__all__ = ["Exported", "export"]
