"""Where secrets are: in values, texts, command lines and comments."""
