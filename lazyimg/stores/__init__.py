"""Where images rest on this machine: OCI layouts, archives, the docker daemon.

- `layout`, `marker`: a layout that is written. `naming`: what its index says. `collect`: removing what that
  does not reach. `layout_source`, `below`: one that is read, never outside its directory.
- `blob_spool`, `archive_writer`: an archive that is written. `docker_save`: what one says that docker reads.
- `archive`, `tar_table`, `open_archives`: a tar that is opened once and read by offset. `archive_file`: one
  in a file. `saved`: what ``docker save`` says of the images in one.
- `daemon`, `unix_http`: the docker daemon over its socket, whose export is such an archive.
"""
