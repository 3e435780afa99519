"""The drawings that the chapters share."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dmfbook import figures


@pytest.mark.parametrize("sizes", [(7, 1, 1, 1, 6), (1, 1, 30), (30, 1, 1), (5, 5, 5), (1,) * 12])
def test_names_of_blocks_do_not_stand_on_each_other(sizes):
    figure, axes = plt.subplots(figsize=(2.4, 2.4))
    figures.show_blocks(axes, np.eye(sum(sizes)), sizes)
    figure.canvas.draw()
    boxes = [name.get_window_extent() for name in axes.get_xticklabels()]
    plt.close(figure)
    assert boxes
    assert all(left.x1 <= right.x0 for left, right in zip(boxes, boxes[1:], strict=False))
    # A block that is wide enough is named, and by its own layer.
    wide = [f"$W_{{{i}}}$" for i, size in enumerate(sizes, start=1) if size > 0.2 * sum(sizes)]
    assert set(wide) <= {name.get_text() for name in axes.get_xticklabels()}
