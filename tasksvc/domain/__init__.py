"""What a task is and how it may change: rules only, no I/O and no clock."""
