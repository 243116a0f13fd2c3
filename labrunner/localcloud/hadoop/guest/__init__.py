"""What lies on the machines of a cluster, with nothing but Python's standard library."""
