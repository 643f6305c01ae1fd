"""Fixtures for all tests."""

import os

# Before numpy or torch is imported: tests run in parallel with others, and small arrays gain nothing from threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
