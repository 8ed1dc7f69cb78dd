"""What can be installed: one file each for every step, precheck, network plugin and recipe. Plain Python, no Django."""
