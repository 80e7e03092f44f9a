"""Users, projects and tasks: everything that is written, and the events that tell of it."""
