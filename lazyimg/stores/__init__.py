"""Where images rest on this machine: OCI layouts."""
