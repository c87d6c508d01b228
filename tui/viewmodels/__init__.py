"""What the screens show, worked out without a widget."""
