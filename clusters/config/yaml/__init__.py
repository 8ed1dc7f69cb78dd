"""YAML with places: read into a tree, patched in place, and written."""
