"""What a training is made from and where it is kept: examples out of files, and a run's directory."""
