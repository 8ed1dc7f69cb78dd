"""Pictures of every page for the documentation, taken of the real server with clusters that are made up."""
