"""Which tabs there are."""

import gradio as gr
import pytest

from videomamba.app.page import make_page
from videomamba.app.setup import load_setup


@pytest.mark.parametrize(
    ("names", "tabs"),
    [
        (["guesses"], ["Recognize", "What it looks at", "Timeline"]),
        (["detector"], ["Detection"]),
        (["segmenter"], ["Segmentation"]),
    ],
)
def test_tabs_are_there_for_what_the_checkpoints_can_do(models, names, tabs):
    page = make_page(load_setup([str(models / name) for name in names], device="cpu", runs=None, videos=[]))
    assert [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)] == tabs


def test_every_component_has_a_label_and_no_event_is_public(models, runs):
    checkpoints = [str(models / name) for name in ("colours", "guesses", "detector", "segmenter")]
    page = make_page(load_setup(checkpoints, device="cpu", runs=runs, videos=[]))
    kinds = (gr.Video, gr.Image, gr.Plot, gr.Slider, gr.Radio, gr.Dropdown, gr.File, gr.Dataframe, gr.Label, gr.Gallery)
    for block in page.blocks.values():
        if isinstance(block, kinds):
            assert block.label, block
    for function in page.fns.values():
        assert function.api_visibility != "public", function
