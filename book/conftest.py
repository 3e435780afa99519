"""What pytest needs to know when nbval runs the notebooks."""


def pytest_collectstart(collector):
    """Let nbval skip SVG pictures as it skips PNG: sources hold text outputs only."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml",)
