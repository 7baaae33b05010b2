"""Real servers that tests and benchmarks start: each once a run, on a free loopback port, in a folder of its own."""
