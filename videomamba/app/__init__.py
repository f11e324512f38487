"""The web page: a thin face over prediction, timelines, detection, segmentation, delta maps and runs."""

from videomamba.extras import require

require("gradio", "the page")
require("matplotlib", "the page")
