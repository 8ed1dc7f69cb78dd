"""How clients of the API server get past a dead control plane machine, one file for each way."""
