"""What tests are made with is tested too."""
