"""Where is a study kept, and what does that survive? A journal file, a database, or a proxy in front of one; killed
writers, full disks, outages; and the locks that keep drivers out of each other's way.
"""

from convsweep.storage.address import runs_here
from convsweep.storage.driver_lock import only_driver
from convsweep.storage.folder import folder_name
from convsweep.storage.opening import open_storage
from convsweep.storage.proxy import serve
from convsweep.storage.study_lock import alone

__all__ = ["alone", "folder_name", "only_driver", "open_storage", "runs_here", "serve"]
