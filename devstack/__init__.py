"""PostgreSQL, Valkey, NATS, a mail inbox and the services as child processes: for development, tests and benchmarks."""
