"""Commands on an open connection: sudo, root shells, output, files."""
