"""What the customer feels: error of density, faults found, false fails, beside two baselines, in one table.

`measure.evaluate` reads as the whole story; nothing here trains, and only `sight` touches the inspector.
"""
