"""The document beside the forms: the editor, and the differences between two documents."""
