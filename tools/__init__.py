"""What the authors run: refresh outputs, move the address, build the site."""
