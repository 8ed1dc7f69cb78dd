"""`make bench`: measurements with their limits. One file `bench_….py` for each subject, found by walking."""
