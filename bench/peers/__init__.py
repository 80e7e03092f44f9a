"""Queues of others on the same PostgreSQL, for comparison."""
