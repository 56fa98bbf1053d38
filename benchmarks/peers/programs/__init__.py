"""The programs of the peers: one module for each library, run in the environment of that library."""
