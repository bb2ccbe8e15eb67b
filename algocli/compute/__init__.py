"""What the machine has to offer: memory, and where work may run."""
