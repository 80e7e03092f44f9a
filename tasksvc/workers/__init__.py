"""What tasksvc does by itself, beside its calls."""
