"""What a hostile server, machine or document must not be able to do, each as a test named by a sentence."""
