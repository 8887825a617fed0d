"""What is special about lab 8; that faults lose their lines is tried in tests/labs/test_labs.py."""
