"""What executes, publishes and measures the course."""
