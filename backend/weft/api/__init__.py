"""HTTP translation only: requests into calls of the domains, their answers into bytes."""
