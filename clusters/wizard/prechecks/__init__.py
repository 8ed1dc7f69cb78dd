"""The prechecks page: inspections of the machines and what they found."""
