"""All that knows torch: networks, learning rules, tasks, training, audits, and the settings made of them."""
