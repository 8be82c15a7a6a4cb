"""What the process tells of itself: log, metrics, health; and the supervisor of its tasks."""
