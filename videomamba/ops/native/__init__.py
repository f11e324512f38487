"""C++ kernels for the CPU, one library for each instruction set, and how they are found and called."""
