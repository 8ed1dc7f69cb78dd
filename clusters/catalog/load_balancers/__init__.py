"""How clients reach the API server when a control plane machine is down: one file for each method."""
