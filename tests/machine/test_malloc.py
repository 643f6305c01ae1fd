import subprocess
import sys

import pytest

from finetune_tts.machine.malloc import keep_freed_memory

TOUCHED = """
import resource
from finetune_tts.machine.malloc import keep_freed_memory

kept = keep_freed_memory()
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(64 * 2**20).count(b"x")
    touched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(kept, touched)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_a_large_block_that_was_freed_is_taken_again_without_the_system():
    result = subprocess.run([sys.executable, "-c", TOUCHED], capture_output=True, text=True, check=True)
    kept, touched = result.stdout.split()
    if kept == "False":
        pytest.skip("another C library")
    assert int(touched) < 1000  # 16,384 pages


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr("finetune_tts.machine.malloc.sys.platform", "darwin")
    assert not keep_freed_memory()
