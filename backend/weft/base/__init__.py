"""What every room needs: errors, time arithmetic, settings, access."""
