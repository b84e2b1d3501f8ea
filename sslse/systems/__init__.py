"""What is trained, as Lightning modules."""
