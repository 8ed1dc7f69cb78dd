"""Network plugins, a file or a folder each; found by walking this package."""
