"""How work is declared, planned and done: wanted states, steps, plans, events. Plain Python, no Django."""
