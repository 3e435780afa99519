"""Settings of all tests: hypothesis draws the same cases on every machine and in every run."""

import sys
from pathlib import Path

from hypothesis import Phase, settings

# Test files are imported by path; what they share is found beside this file.
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "reproducible", derandomize=True, deadline=None, database=None, max_examples=25
)
# The mutation check asks whether a test fails, not for the simplest case on which it does.
settings.register_profile(
    "mutants", settings.get_profile("reproducible"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("reproducible")
