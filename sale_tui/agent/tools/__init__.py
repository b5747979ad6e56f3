"""What the winner may call, a file each."""
