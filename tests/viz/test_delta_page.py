"""The page of delta maps carries all that it shows."""

import base64
import json
import re

import numpy as np

from tests.viz.maps import FRAMES, MAPS
from videomamba.viz.delta import Drawing
from videomamba.viz.delta_page import delta_page


def test_the_page_carries_every_number_and_needs_no_network():
    page = delta_page(FRAMES, MAPS, Drawing(layers=[2], direction="forward"), title="<wave> & co", note="a note")
    assert "&lt;wave&gt; &amp; co" in page
    assert not re.search(r"""(src|href)=|https?:|@import|url\(""", page)
    data = json.loads(re.search(r"const data = (\{.*\});", page)[1])
    numbers = np.frombuffer(base64.b64decode(data["maps"]), "<f4").reshape(data["shape"])
    np.testing.assert_array_equal(numbers, MAPS.numpy())
    assert (len(data["frames"]), data["layers"], data["direction"]) == (4, [2], "forward")
    assert all(frame.startswith("data:image/png;base64,iVBOR") for frame in data["frames"])
