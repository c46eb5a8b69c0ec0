"""``labroom-agent install`` and ``uninstall``: this machine, or an image, becomes a target."""
