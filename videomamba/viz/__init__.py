"""Arrays in, matplotlib figures out."""

from videomamba.extras import require

require("matplotlib", "a figure")
