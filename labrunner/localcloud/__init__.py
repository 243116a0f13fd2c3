"""The embedded local cloud: a server on 127.0.0.1 that speaks the AWS wire protocols."""
