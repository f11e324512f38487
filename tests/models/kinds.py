"""One model of each kind, small."""

MODELS = {
    "videomamba_nano": {"depth": 1},
    "videomamba_nano_detector": {"depth": 1},
    "video_swin_t": {"num_frames": 4, "img_size": 32},
    "asformer": {"input_dim": 4, "num_layers": 2, "num_decoders": 1, "embed_dim": 8},
    "mstcn2": {"input_dim": 4, "num_layers": 2, "embed_dim": 8},
}
