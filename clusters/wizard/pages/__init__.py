"""The wizard's pages: each module has one `PAGE`; a new page is a new file."""
