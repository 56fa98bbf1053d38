"""A replay: the stage with the stubs, and the driver that hands one actor its inputs."""
