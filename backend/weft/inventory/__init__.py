"""What existed when: sweeps and runs kept, history derived from them."""
