"""`make bench`: measurements with what they must keep to. One file `bench_….py` for each subject, found by walking."""
