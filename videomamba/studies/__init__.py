"""The paper's ablations: what is varied, the runs that it takes, and the tables that come out."""
