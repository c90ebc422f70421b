"""A module that cannot be imported, and says so in native code first."""

import os

os.write(2, b"a note of native code\n")
raise ImportError("the library is not for this processor")
