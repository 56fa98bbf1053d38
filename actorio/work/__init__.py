"""Work for actors: workers, pools, mappings, results."""
