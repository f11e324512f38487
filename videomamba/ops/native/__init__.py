"""C++ kernels for the CPU behind a plain C interface (``interface.h``), and the loader that finds them."""
