"""Hadoop on the machines of a cluster: HDFS, YARN's placement of work, MapReduce, Hive.

- `nodes` are the machines; `hdfs` keeps files in blocks, whose replicas are files of the machines.
- `filesystems` gives one view of `hdfs:`, `s3:` and `file:` addresses.
- `streaming` runs mappers and reducers as processes of the nodes that have the data.
- `programs` are the commands of the primary node (`hdfs`, `hadoop`, `hive`, ...). What lies on the
  machine is one small client (`guest`), which passes its arguments to the cloud through a socket
  and prints what comes back; `calls` is the cloud's side of that.
- `cluster` puts it together.
"""
