"""Storing a run's output in the database: batches, masks, one ordered writer."""
