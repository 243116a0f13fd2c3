"""PostgreSQL's protocol, version 3, on loopback: what psql and drivers speak to a warehouse."""
