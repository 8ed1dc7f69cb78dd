"""What must be true of machines before anything changes, a file or folder for each subject."""
