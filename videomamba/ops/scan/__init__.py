"""The selective scan (the S6 recurrence of Mamba); README.md beside this file holds the mathematics."""
