"""The embedded inventory: one SQLite file that keeps FabricHistory, JobHistory and Ledger."""
