"""MapReduce whose mappers and reducers are programs that read lines and write lines.

`splits` cuts the input, `schedule` gives each piece to a node that has it, `process` runs a program
there, `shuffle` sorts what mappers wrote and brings it to reducers. `job` puts it together.
"""
