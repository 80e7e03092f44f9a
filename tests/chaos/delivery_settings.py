"""How long, and how hard."""

import os
from typing import Final

TASKS: Final = int(os.environ.get("TASKBELL_CHAOS_TASKS", "120"))
CHANGES: Final = 5
"""Of each task."""
SECONDS: Final = float(os.environ.get("TASKBELL_CHAOS_SECONDS", "30"))
"""In which they are made, if nothing held them up."""
SEED: Final = int(os.environ.get("TASKBELL_CHAOS_SEED", "0")) or int.from_bytes(os.urandom(4))
WRITERS: Final = 12
BLOWS: Final = (1.0, 2.0)
"""Seconds between two blows: one of a random length in between."""
MOST_DOWN: Final = 3
"""On a machine with much else to do, whoever starts takes its time: nothing would ever be up."""
DOWN: Final = (0.0, 1.0)
"""Seconds for which who was killed stays away, before it is started again."""
FROZEN: Final = (0.3, 5.0)
"""Seconds for which who is frozen stands still: shorter and longer than a lease on a partition."""
STAYS: Final = (1.0, 8.0)
"""Seconds after which a client hangs up by itself."""
STAYS_AWAY: Final = (0.0, 1.0)
"""Seconds until it, or who was cut off, is back."""
QUIET: Final = 120.0
"""Seconds after the last blow within which everything must have been told to everybody."""
