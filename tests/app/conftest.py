"""One server and one browser for all tests of the page."""

import os
import shutil
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.colours import colour_model, write_colours
from tests.data.videos import numbered_frames, write
from tests.tiny import COLOURS, MODEL, tiny_run, write_clips
from videomamba.data.annotations import Annotations, VideoRecord
from videomamba.data.splits import Splits
from videomamba.engine.run_folder import RunFolder
from videomamba.models import create_model

ROW = {"lr": 1e-3, "train_loss": 1.0, "train_top1": 0.4, "test_loss": 0.9, "top1": 0.5, "top5": 1.0}


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Folders of a recogniser of colours, of one that guesses, of a detector and of a segmenter."""
    root = tmp_path_factory.mktemp("models")
    colour_model(root / "colours")
    torch.manual_seed(1)
    create_model("videomamba_nano", class_names=sorted(COLOURS), **MODEL).save_pretrained(root / "guesses")
    detector = create_model("videomamba_nano_detector", num_frames=4, img_size=32, depth=1, class_names=("sit", "wave"))
    detector.save_pretrained(root / "detector")
    names = ("pour", "stir", "background")
    segmenter = create_model("asformer", input_dim=MODEL["embed_dim"], class_names=names, num_layers=2, embed_dim=16)
    segmenter.save_pretrained(root / "segmenter")
    return root


@pytest.fixture(scope="session")
def runs(models, tmp_path_factory):
    """A folder with two finished runs, one of which is right and one of which guesses, beside their videos."""
    root = tmp_path_factory.mktemp("runs")
    clips = write_clips(root / "clips", per_class=2)
    names = tuple(sorted(COLOURS))
    videos = [VideoRecord(file, names.index(file.parent.name)) for file in sorted(clips.rglob("*.mp4"))]
    splits = Splits(train=Annotations(tuple(videos[::2]), names), test=Annotations(tuple(videos[1::2]), names))
    for name, model in (("guessing", "guesses"), ("right", "colours")):
        run = RunFolder(root / name)
        run.path.mkdir()
        run.write_config(tiny_run(clips, run.path, lr=1e-3 if name == "right" else 1e-4))
        run.write_splits(splits, clips)
        run.set_rows([{"epoch": epoch, "step": 4 * epoch, **ROW} for epoch in (1, 2)])
        for part in ("best", "last"):
            shutil.copytree(models / model, run.path / part)
        run.write_result({"best": ROW, "last": ROW})
    return root


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """Videos and a label file to upload."""
    root = tmp_path_factory.mktemp("films")
    write_colours(root / "red.mp4", ["red"], each=30)
    write_colours(root / "green.mp4", ["green"], each=30)
    write_colours(root / "long.mp4", ["red", "green", "blue"], each=40)
    (root / "truth.csv").write_text("start_s,end_s,label\n0,4,red\n4,8,green\n8,12,blue\n")
    write(root / "people.mp4", numbered_frames(40), fps=10)
    (root / "boxes.csv").write_text("".join(f"people,{i},0.1,0.1,0.9,0.9,,0.9\n" for i in (1, 2, 3)))
    (root / "large.mp4").write_bytes(b"x" * 3_000_000)
    (root / "broken.mp4").write_bytes(b"no video " * 500)
    np.save(root / "features.npy", np.random.default_rng(0).normal(size=(MODEL["embed_dim"], 50)).astype(np.float32))
    return root


@pytest.fixture(scope="session")
def server(models, runs, tmp_path_factory):
    """The page's address, its folder of uploads and its setup."""
    gradio = pytest.importorskip("gradio", reason="gradio is not installed")
    from videomamba.app.serve import serve
    from videomamba.app.setup import load_setup

    del gradio
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    checkpoints = [str(models / name) for name in ("colours", "guesses", "detector", "segmenter")]
    setup = load_setup(checkpoints, device="cpu", runs=runs, videos=())
    answers, stop = threading.Event(), threading.Event()
    said: list[str] = []
    options = {"host": "127.0.0.1", "port": None, "max_upload": 2, "stop": stop}
    thread = threading.Thread(
        target=serve,
        args=(setup,),
        kwargs={**options, "ready": lambda at: (said.append(at), answers.set())},
        daemon=True,
    )
    thread.start()
    assert answers.wait(600), "the page does not answer"
    yield types.SimpleNamespace(address=said[0], uploads=Path(os.environ["GRADIO_TEMP_DIR"]), setup=setup)
    stop.set()
    thread.join(30)
    assert not Path(os.environ["GRADIO_TEMP_DIR"]).exists(), "uploads are gone with the page"


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, without a window, with a camera that shows a test picture."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    options = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser.new_context(permissions=["camera", "microphone"], reduced_motion="reduce")
        browser.close()
