"""From what a run prints to rows of the database: batches, masks, one ordered writer."""
