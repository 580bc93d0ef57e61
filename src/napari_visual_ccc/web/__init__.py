"""The web page and its JSON interface: a server for one machine or one laboratory."""
