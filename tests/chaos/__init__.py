"""Real processes, killed at random moments. `make chaos` runs longer than the tests do."""
