"""Declaring, planning and doing work: wanted states, steps, plans, events. Plain Python, no Django."""
