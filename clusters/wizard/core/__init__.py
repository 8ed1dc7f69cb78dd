"""What the wizard's pages have in common: the page, its fields, the flow and the responses."""
