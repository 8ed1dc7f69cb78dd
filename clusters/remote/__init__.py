"""How a machine is reached: SSH by Fabric behind one small interface. Plain Python, no Django."""
