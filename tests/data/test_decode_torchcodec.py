"""What torchcodec is asked for, and what is said where it does not work."""

import pytest

from tests.data.videos import numbered_frames, write
from videomamba.data import VideoReader
from videomamba.data.decode_torchcodec import _cause, torchcodec_status
from videomamba.data.errors import reason

NO_FFMPEG = """Could not load libtorchcodec. Likely causes:
FFmpeg version 8:
Traceback (most recent call last):
OSError: libavutil.so.60: cannot open shared object file: No such file or directory
FFmpeg version 7:
OSError: libavutil.so.59: cannot open shared object file: No such file or directory
"""
OTHER_TORCH = """Could not load libtorchcodec. Likely causes:
FFmpeg version 8:
OSError: libavutil.so.60: cannot open shared object file: No such file or directory
FFmpeg version 5:
OSError: /usr/lib/python3/torchcodec/libtorchcodec_core5.so: undefined symbol: _ZN3c1013MessageLogger6streamB5
"""
NO_CUDA = """Could not load libtorchcodec. Likely causes:
FFmpeg version 8:
OSError: libavutil.so.60: cannot open shared object file: No such file or directory
FFmpeg version 5:
OSError: libnvrtc.so.13: cannot open shared object file: No such file or directory
"""


@pytest.mark.parametrize(("said", "cause"), [
    (NO_FFMPEG, "installed, but FFmpeg's shared libraries were not found (apt install ffmpeg, brew install ffmpeg)"),
    (OTHER_TORCH, "installed, but made for another PyTorch than this one: libtorchcodec_core5.so: undefined symbol: "
                  "_ZN3c1013MessageLogger6streamB5"),
    (NO_CUDA, "installed, but a library that it needs was not found: libnvrtc.so.13: cannot open shared object file: "
              "No such file or directory"),
    ("no module named numpy", "installed, but it cannot be loaded: no module named numpy"),
])  # fmt: skip
def test_the_cause_of_a_failure_is_the_real_one(said, cause):
    assert _cause(said) == cause


def test_reasons_have_no_paths_of_sources():
    said = RuntimeError(
        "Could not seek file to pts=0: Invalid argument, /__w/torchcodec/src/SingleStreamDecoder.cpp:1390"
    )
    assert reason(said) == "Could not seek file to pts=0: Invalid argument"


@pytest.mark.skipif(not torchcodec_status()[0], reason="torchcodec does not work here")
@pytest.mark.parametrize(("name", "how", "decoder"), [
    ("a.mp4", {}, "torchcodec"),
    ("a.mkv", {}, "torchcodec"),
    ("a.ts", {}, "pyav"),
    ("a.avi", {"codec": "mpeg4"}, "pyav"),
])  # fmt: skip
def test_which_decoder_auto_takes(tmp_path, name, how, decoder):
    with VideoReader(write(tmp_path / name, numbered_frames(5), **how)) as reader:
        assert reader.decoder == decoder
