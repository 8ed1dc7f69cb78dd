"""What people ask for: the validated document that `config-sample.yaml` holds. Plain Python, no Django."""
