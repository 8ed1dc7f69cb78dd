"""Access to machines: SSH through Fabric behind one small interface. Plain Python, no Django."""
