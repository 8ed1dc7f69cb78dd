"""YAML with positions: read into a tree, patched in place, and written."""
