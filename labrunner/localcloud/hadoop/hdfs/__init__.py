"""HDFS: a tree of names in the cloud, and blocks whose replicas are files of the machines."""
