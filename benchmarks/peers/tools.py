"""All tools by name and setting."""

from benchmarks.peers import curvlinops, eigenthings, matfree, own, products, pyhessian
from benchmarks.peers.case import Tool

TOOLS: dict[tuple[str, str], Tool] = {
    **pyhessian.TOOLS,
    **eigenthings.TOOLS,
    **curvlinops.TOOLS,
    **products.TOOLS,
    **matfree.TOOLS,
    **own.TOOLS,
}
