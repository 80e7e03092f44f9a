"""What the test and its workers agree on."""

import os
from typing import Final

QUEUE: Final = "squares"
JOBS: Final = int(os.environ.get("TASKBELL_CHAOS_JOBS", "5000"))
SEED: Final = int(os.environ.get("TASKBELL_CHAOS_SEED", "0")) or int.from_bytes(os.urandom(4))
REPLICAS: Final = 3
WORKERS: Final = 6
CONCURRENCY: Final = 20
WORK: Final = 0.1
"""Seconds that a job takes."""
LEASE: Final = 5.0
"""Seconds that a lease outlives a worker, or a tasksvc, that was killed."""
EVERY: Final = 1.0
"""Seconds between two kills."""
