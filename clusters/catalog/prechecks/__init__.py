"""What must be true of machines before anything is changed, one file each."""
