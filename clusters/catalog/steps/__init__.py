"""Install steps, one file each, in a folder per phase."""
