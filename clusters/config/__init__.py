"""The validated document of a `config-sample.yaml`. Plain Python, without Django."""
