"""What is said of images as features."""
