"""What an organisation keeps in Git, said in one YAML file: a profile, read, checked and bound to parameters.

`loader` reads a profile and reports every mistake in it at once; `block` binds it to the parameters of a
configuration; `entry` turns the bytes of one file into records; `rules` lists every problem a file can have.
Nothing here does I/O except `loader`, which reads profile files.
"""
