"""Handlers inside tasksvc."""
