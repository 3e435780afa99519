"""Tools that measure Hessians, on networks whose spectrum is known; see README.md, *Peers*."""

import os

# One thread for every library, before any of them is loaded: processor time is then that of one core.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
