"""How a run is carried out: the sink, the worker, the doorbell, and the borders to engine and machines."""
