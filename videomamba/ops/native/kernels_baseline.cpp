#define LANES 4
#include "scan.h"
#include "conv.h"
