"""Network plugins, each a file or a folder; found by walking this package."""
