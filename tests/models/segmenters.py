"""Tiny segmenters, by name."""

TINY = {"input_dim": 12, "num_classes": 5, "embed_dim": 16, "num_layers": 5}
VARIANTS = {
    "released": ("asformer", {}),
    "exact": ("asformer", {"window_mask": "exact"}),
    "ssm_encoder": ("asformer_ssm", {}),
    "ssm": ("asformer", {"mixer": "ssm"}),
    "mstcn2": ("mstcn2", {"num_refinement_layers": 4}),
}
