"""Memory of the CPU that training frees is kept, as torch keeps a GPU's, for the next step needs as much again.

The C library gives every large block back to the system at once. The system then clears each page again when it is
touched, some hundred thousand of them in a step of a large network.
"""

import ctypes
import platform
import sys

# Names and values of glibc's <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = -1
_GROWTH = 64 * 2**20  # bytes that the heap grows by at least


def keep_freed_memory() -> bool:
    """Have freed memory stay with the process, as far as the C library can (glibc); whether it can."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _NEVER, _M_TOP_PAD: _GROWTH}
    return all([library.mallopt(name, value) == 1 for name, value in settings.items()])
