"""Measurements of dmfbook beside its peers; see README.md."""

import os

# Where these are set they choose NumPy's kernels, and slow ones at times; the peers bring kernels of their own.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
