"""What queues promise, asked over the RPCs: of one tasksvc, and of three that are called in turn."""
