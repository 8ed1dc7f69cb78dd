"""Network plugins, one file each."""
