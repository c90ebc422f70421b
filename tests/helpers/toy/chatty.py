"""A module whose import writes a native note, and notes what there is of its process."""

import os

os.write(2, b"a note of native code\n")
THREADS = len(os.listdir("/proc/self/task"))
